"""The service as two processes, with people who are due: the scheduler starts with the scene."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
from psycopg import AsyncConnection

from infrastructure.canvas_sandbox.options import SandboxOptions
from infrastructure.observability.logging import configure_logging
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from tests.benchmarks.sandbox_process import SandboxTarget, running_sandbox_process
from tests.deadlines import scaled
from tests.dev_tokens import SECRET
from tests.end_to_end.conftest import Client
from tests.faults.cluster import temporary_directory
from tests.faults.process import ServiceProcess
from tests.scenes.population import MASTER_KEY, ScenePerson, connect_people, make_history_older

HISTORY_AGE = timedelta(hours=3)
"""How long ago the accounts were read: longer than the longest delay, so that all are due."""
COURSES, ASSIGNMENTS = 2, 4
MAIN_PROCESS = "api,worker,projector"
CATCH_UP_SECONDS_PER_PERSON = 0.1


@dataclass
class SceneService:
    """The processes, the sandbox and the people of a scene."""

    canvas: SandboxTarget
    people: list[ScenePerson]
    database: AsyncConnection[Any]
    session: aiohttp.ClientSession
    processes: dict[str, ServiceProcess]
    url: str = field(init=False)

    async def start(self, name: str) -> None:
        """Start a process, and wait until it serves."""
        process = self.processes[name]
        process.start()
        served = await asyncio.to_thread(process.wait_until_serving)
        self.url = served["url"] or self.url

    def client(self, person: ScenePerson) -> Client:
        """Return a client that sends the requests of a person."""
        return Client(self.session, self.url, person.id)

    async def control(self, operation: str, **arguments: Any) -> Any:
        """Execute a control operation of the sandbox, and return its result."""
        return await asyncio.to_thread(self.canvas.control, operation, **arguments)

    async def count(self, query: Any, *parameters: Any) -> int:
        """Return the number that a query of the database selects."""
        cursor = await self.database.execute(query, parameters)
        [number] = await cursor.fetchone() or [0]
        return int(number)

    async def wait_for_count(self, total: int, seconds: float, query: Any) -> None:
        """Wait until a query selects at least this number."""
        async with asyncio.timeout(scaled(seconds)):
            while await self.count(query) < total:  # noqa: ASYNC110  # other processes change it
                await asyncio.sleep(0.1)

    async def wait_until_caught_up(self) -> None:
        """Wait until every read model has applied the whole log."""
        behind = """
            SELECT count(*)
              FROM easeboard.projections
             WHERE role = 'live'
               AND position >= (SELECT max(position) FROM easeboard.events)
        """
        models = await self.count("SELECT count(DISTINCT name) FROM easeboard.projections")
        seconds = 20 + CATCH_UP_SECONDS_PER_PERSON * len(self.people)
        await self.wait_for_count(models, seconds, behind)


@asynccontextmanager
async def running_scene(
    url: str, server: EmbeddedPostgres, connections: int
) -> AsyncIterator[SceneService]:
    """Run everything but the scheduler, with this number of connections that are due.

    `url` is that of a migrated database of the server. The scene starts the process `scheduler`.
    """
    configure_logging("error", "json")
    async with AsyncExitStack() as stack:
        home = stack.enter_context(temporary_directory())
        options = SandboxOptions(students=connections, courses=COURSES, assignments=ASSIGNMENTS)
        canvas = stack.enter_context(running_sandbox_process(options))
        people = await connect_people(url, canvas)
        make_history_older(server.admin_url, url, HISTORY_AGE)
        processes = _new_processes(home, url, canvas, (MAIN_PROCESS, "scheduler"))
        for process in processes.values():
            stack.callback(process.kill_if_alive)
        database = await stack.enter_async_context(
            await AsyncConnection.connect(url, autocommit=True)
        )
        session = await stack.enter_async_context(aiohttp.ClientSession())
        service = SceneService(canvas, people, database, session, processes)
        await service.start(MAIN_PROCESS)
        await service.wait_until_caught_up()
        yield service


def _new_processes(
    home: Path, url: str, canvas: SandboxTarget, roles: Sequence[str]
) -> dict[str, ServiceProcess]:
    environment = {
        "EASEBOARD_HOME": str(home),
        "DATABASE_URL": url,
        "CANVAS_ENCRYPTION_KEY": MASTER_KEY,
        "SUPABASE_JWT_SECRET": SECRET,
        "CANVAS_ALLOW_PRIVATE": canvas.url.removeprefix("http://"),
        "LOG_LEVEL": "info",
    }
    return {
        each: ServiceProcess(
            each,
            ("serve", "--port", "0", "--roles", each),
            environment,
            home / f"{each.replace(',', '-')}.log",
        )
        for each in roles
    }
