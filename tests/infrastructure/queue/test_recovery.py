import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool
from structlog.testing import capture_logs

from application.event_metadata import current_metadata
from application.recover_sync import RecoverSync
from domain.errors import VersionConflict
from infrastructure.postgres.lease import Lease
from infrastructure.queue.recovery import recover, run_recovery
from infrastructure.queue.sync_queue import SyncQueue
from tests.deadlines import scaled

ORIGIN = "https://canvas.example"
WAITING, LOST, REFUSED = (UUID(int=n) for n in (1, 2, 3))


@pytest.fixture
async def pool(queue: SyncQueue, database_url: str) -> AsyncIterator[AsyncConnectionPool]:
    assert queue, "the fixture has created the tables"
    async with AsyncConnectionPool(database_url, open=False) as pool:
        yield pool


@pytest.fixture
async def lease(pool: AsyncConnectionPool) -> Lease:
    return Lease("recovery", "here", pool)


async def test_runs_that_wait_in_the_queue_are_not_recovered(queue: SyncQueue) -> None:
    await queue.enqueue(WAITING, ORIGIN)
    recovered: list[tuple[UUID, str]] = []

    async def find_unfinished() -> list[UUID]:
        return [WAITING, REFUSED, LOST]

    async def recover_sync(command: RecoverSync) -> None:
        recovered.append((command.connection_id, current_metadata().actor))
        if command.connection_id == REFUSED:
            raise VersionConflict(REFUSED)

    with capture_logs() as lines:
        await recover(queue, find_unfinished, recover_sync)
    assert recovered == [(REFUSED, "recovery"), (LOST, "recovery")]
    assert [(line["event"], line["log_level"]) for line in lines] == [("not_recovered", "debug")]


async def test_recovery_continues_when_the_database_is_back(
    queue: SyncQueue, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.queue.recovery.RECOVERY_INTERVAL_SECONDS", 0.01)
    results: list[Exception | list[UUID]] = [
        psycopg.errors.UndefinedTable("no read model yet"),
        psycopg.OperationalError("the connection is lost"),
        [LOST],
    ]
    is_recovered = asyncio.Event()

    async def find_unfinished() -> list[UUID]:
        result = results.pop(0) if results else []
        if isinstance(result, Exception):
            raise result
        return result

    async def recover_sync(_: RecoverSync) -> None:
        is_recovered.set()

    with capture_logs() as lines:
        task = asyncio.create_task(run_recovery(queue, lease, find_unfinished, recover_sync))
        await asyncio.wait_for(is_recovered.wait(), scaled(5))
        task.cancel()
        await asyncio.wait({task})
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("lease_taken", "info"),
        ("recovery_tables_missing", "debug"),
        ("recovery_postponed", "warning"),
    ]


async def test_one_process_at_a_time_recovers(
    queue: SyncQueue, lease: Lease, pool: AsyncConnectionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.queue.recovery.RECOVERY_INTERVAL_SECONDS", 0.01)
    monkeypatch.setattr("infrastructure.queue.recovery.RECOVERY_LEASE_POLL_SECONDS", 0.01)
    recovering_processes = asyncio.Queue[str]()

    async def recover_sync(_: RecoverSync) -> None:
        raise AssertionError

    async def run_as(process_name: str, process_lease: Lease) -> None:
        async def find_unfinished() -> list[UUID]:
            await recovering_processes.put(process_name)
            return []

        await run_recovery(queue, process_lease, find_unfinished, recover_sync)

    async with asyncio.timeout(scaled(10)):
        first = asyncio.create_task(run_as("here", lease))
        assert await recovering_processes.get() == "here"
        other = Lease("recovery", "there", pool, seconds=0.3)
        second = asyncio.create_task(run_as("there", other))
        assert {await recovering_processes.get() for _ in range(20)} == {"here"}
        first.cancel()
        while await recovering_processes.get() != "there":
            pass
    second.cancel()
    await asyncio.wait({first, second})
