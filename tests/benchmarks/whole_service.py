"""Runs of the whole service in this process: event log, encryption and read models, no queue."""

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

import uvloop

from application.event_metadata import with_event_metadata
from application.request_sync import RequestSync
from application.run_sync import RunSync
from application.set_up_connection import SetUpConnection
from infrastructure.event_store.history import read_last_position
from infrastructure.observability.logging import configure_logging
from infrastructure.queue.role_health import ROLES
from infrastructure.settings.settings import read_settings
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.process import Process
from projections.registry import READ_MODELS


class SyncTimes(NamedTuple):
    """Cost of a run: seconds between its events, and until all read models have it.

    `cpu` is the seconds of this process.
    """

    recorded: float
    readable: float
    cpu: float
    requests: int


def measure_syncs(url: str, token: str, runs: int) -> tuple[list[SyncTimes], list[SyncTimes]]:
    """Measure first runs, each of a new person, and after each a full run without changes."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure_syncs(url, token, runs))


async def _measure_syncs(
    url: str, token: str, runs: int
) -> tuple[list[SyncTimes], list[SyncTimes]]:
    first, unchanged = [], []
    async with running_service(url) as process:
        for _ in range(runs):
            person = uuid4()
            command = SetUpConnection(
                person_id=person, canvas_url=url, canvas_name="Large", api_token=token
            )
            connection = (await process.service.set_up_connection(command)).connection_id
            first.append(await measure_sync(process, connection))
            request = RequestSync(person_id=person, connection_id=connection, mode="full")
            await process.service.request_sync(request)
            unchanged.append(await measure_sync(process, connection))
    return first, unchanged


async def measure_sync(process: Process, connection: UUID) -> SyncTimes:
    """Execute the queued run, and wait until all read models have applied it."""
    run = await process.service.current_sync(connection)
    if run is None:
        raise AssertionError("The connection has no queued run.")
    command = RunSync(connection_id=connection, worker="benchmark")
    started_at, cpu_started_at = time.perf_counter(), time.process_time()
    with with_event_metadata("benchmark"):
        await process.service.run_sync(command)
    names = [model.name for model in READ_MODELS]
    await process.service.wait_for_place(
        await read_last_position(process.pools.read_pool), names, 60
    )
    readable, cpu = time.perf_counter() - started_at, time.process_time() - cpu_started_at
    run = await process.service.current_sync(connection)
    if run is None or run["status"] != "completed":
        raise AssertionError(f"The run did not complete: {run}")
    started, finished = (datetime.fromisoformat(run[key]) for key in ("started_at", "finished_at"))
    recorded = (finished - started).total_seconds()
    return SyncTimes(recorded, readable, cpu, run["requests"]["total"])


@asynccontextmanager
async def running_service(url: str) -> AsyncIterator[Process]:
    """Run the service with a new database and the projection daemon, but without a worker."""
    configure_logging("error", "json")
    home = Path(mkdtemp(prefix="easeboard-benchmark-"))
    try:
        settings = read_settings(
            easeboard_home=home,
            canvas_allow_private=url.replace("http://", ""),
            sync_concurrency_per_host=64,
        )
        async with bootstrap(settings, ROLES) as process:
            with process.projection_daemon:
                yield process
    finally:
        rmtree(home)
