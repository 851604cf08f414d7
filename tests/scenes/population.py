"""People whose accounts the real service has read once, as long ago as a scene needs."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

import psycopg
from psycopg.conninfo import conninfo_to_dict

from application.set_up_connection import SetUpConnection
from infrastructure.queue.sync_queue import DEFAULT_LANES_PER_HOST
from infrastructure.settings.settings import Settings, read_settings
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.process import Process
from interfaces.composition.run_roles import Listeners, running_roles
from tests.benchmarks.sandbox_process import SandboxTarget
from tests.deadlines import scaled
from tests.dev_tokens import SECRET

MASTER_KEY = "0123456789abcdefghijklmnopqrstuv"
FIRST_RUNS_PARALLEL = 4 * DEFAULT_LANES_PER_HOST
"""First runs and setups at a time; the scene itself has the default limits."""
SECONDS_PER_FIRST_RUN = 1.0
"""The longest that one person may take, together with the others, on an idle machine."""


class ScenePerson(NamedTuple):
    """A person with one connection; `student` is the index of their account at the sandbox."""

    id: UUID
    connection_id: UUID
    student: int


def settings_of(url: str, canvas: SandboxTarget, **overrides: int) -> Settings:
    """Return the settings with which the people of a scene are connected."""
    return read_settings(
        database_url=url,
        canvas_encryption_key=MASTER_KEY,
        supabase_jwt_secret=SECRET,
        canvas_allow_private=canvas.url.removeprefix("http://"),
        **overrides,
    )


async def connect_people(url: str, canvas: SandboxTarget) -> list[ScenePerson]:
    """Connect a person for each student of the sandbox, and execute their first runs."""
    settings = settings_of(
        url,
        canvas,
        sync_concurrency=FIRST_RUNS_PARALLEL,
        sync_concurrency_per_host=FIRST_RUNS_PARALLEL,
    )
    roles = frozenset({"worker"})
    async with bootstrap(settings, roles) as process, running_roles(process, roles, Listeners()):
        free = asyncio.Semaphore(FIRST_RUNS_PARALLEL)

        async def connect(student: int, token: str) -> ScenePerson:
            command = SetUpConnection(person_id=uuid4(), canvas_url=canvas.url, api_token=token)
            async with free:
                queued = await process.service.set_up_connection(command)
            return ScenePerson(command.person_id, queued.connection_id, student)

        people = await asyncio.gather(*[connect(*each) for each in enumerate(canvas.tokens)])
        await _wait_for_first_runs(process, people)
    return people


async def _wait_for_first_runs(process: Process, people: Sequence[ScenePerson]) -> None:
    completed = 0
    async with asyncio.timeout(scaled(20 + SECONDS_PER_FIRST_RUN * len(people))):
        while completed < len(people):
            await asyncio.sleep(0.1)
            async with process.pools.read_pool.connection() as connection:
                cursor = await connection.execute(
                    "SELECT count(*) FROM easeboard.events WHERE topic = 'SyncCompleted'"
                )
                [completed] = await cursor.fetchone() or [0]


def make_history_older(admin_url: str, url: str, age: timedelta) -> None:
    """Move every event back in time, before any read model has applied it.

    The log refuses this to all but a superuser who has switched its trigger off: `admin_url`.
    """
    database = conninfo_to_dict(url)["dbname"]
    with psycopg.connect(admin_url, dbname=database) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE easeboard.events SET recorded_at = recorded_at - %s", [age])
        # The encrypted state of a snapshot has the times too; the service saves snapshots anew.
        connection.execute(
            "TRUNCATE easeboard.snapshots, easeboard.past_snapshots, easeboard.past_views"
        )
