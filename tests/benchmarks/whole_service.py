"""Synchronising one large student with all of it: queue aside, log, sealing and read models."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import NamedTuple
from uuid import UUID, uuid4

from application.event_metadata import acting
from application.request_sync import RequestSync
from application.run_sync import RunSync
from application.set_up_connection import SetUpConnection
from infrastructure.event_store.history import head
from infrastructure.observability.logging import configure_logs
from infrastructure.queue.role_health import ROLES
from infrastructure.settings import read_settings
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.process import Running
from projections.registry import READ_MODELS


class Synced(NamedTuple):
    """Seconds from start to end as the log has them, and until it could be read; CPU of us."""

    recorded: float
    readable: float
    cpu: float
    requests: int


def synchronise(url: str, token: str, runs: int) -> tuple[list[Synced], list[Synced]]:
    """First syncs, each of a new person, and then unchanged ones that read everything."""
    return asyncio.run(_synchronise(url, token, runs))


async def _synchronise(url: str, token: str, runs: int) -> tuple[list[Synced], list[Synced]]:
    first, unchanged = [], []
    async with service(url) as running:
        for _ in range(runs):
            person = uuid4()
            command = SetUpConnection(
                person_id=person, canvas_url=url, canvas_name="Large", api_token=token
            )
            connection = await running.service.set_up_connection(command)
            first.append(await timed(running, connection))
            wish = RequestSync(person_id=person, connection_id=connection, mode="full")
            await running.service.request_sync(wish)
            unchanged.append(await timed(running, connection))
    return first, unchanged


async def timed(running: Running, connection: UUID) -> Synced:
    """Take the queued run on, and wait until all of it can be read."""
    run = await running.service.sync_now(connection)
    if run is None:
        raise AssertionError("No run was queued.")
    command = RunSync(connection_id=connection, worker="benchmark")
    began, busy = time.perf_counter(), time.process_time()
    with acting("benchmark"):
        await running.service.run_sync(command)
    names = [model.name for model in READ_MODELS]
    await running.service.wait_for(await head(running.pools.reads), names, 60)
    readable, cpu = time.perf_counter() - began, time.process_time() - busy
    run = await running.service.sync_now(connection)
    if run is None or run["status"] != "completed":
        raise AssertionError(f"The run did not complete: {run}")
    started, finished = (datetime.fromisoformat(run[key]) for key in ("started_at", "finished_at"))
    recorded = (finished - started).total_seconds()
    return Synced(recorded, readable, cpu, run["requests"]["total"])


@asynccontextmanager
async def service(url: str) -> AsyncIterator[Running]:
    """The program on a database of its own, following the log; runs are taken on by hand."""
    configure_logs("error", "json")
    home = Path(mkdtemp(prefix="easeboard-benchmark-"))
    try:
        settings = read_settings(
            easeboard_home=home,
            canvas_allow_private=url.replace("http://", ""),
            sync_concurrency_per_host=64,
        )
        async with bootstrap(settings, ROLES) as running:
            with running.follower:
                yield running
    finally:
        rmtree(home)
