import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool
from structlog.testing import capture_logs

from application.event_metadata import now_acting
from application.recover_sync import InterruptSync
from domain.errors import VersionConflict
from infrastructure.postgres.lease import Lease
from infrastructure.queue.database_schema import bring_up_to_date
from infrastructure.queue.recovery import keep_recovering, recover
from infrastructure.queue.sync_queue import SyncQueue, sync_queue

ORIGIN = "https://canvas.example"
WAITING, LOST, REFUSED = (UUID(int=n) for n in (1, 2, 3))


@pytest.fixture
async def queue(database_url: str) -> AsyncIterator[SyncQueue]:
    bring_up_to_date(database_url)
    async with sync_queue(database_url) as queue:
        yield queue


@pytest.fixture
async def pool(queue: SyncQueue, database_url: str) -> AsyncIterator[AsyncConnectionPool]:
    assert queue, "the tables are there"
    async with AsyncConnectionPool(database_url, open=False) as pool:
        yield pool


@pytest.fixture
async def lease(pool: AsyncConnectionPool) -> Lease:
    return Lease("recovery", "here", pool)


async def test_what_simply_waits_is_left_alone(queue: SyncQueue) -> None:
    await queue.enqueue(WAITING, ORIGIN)
    asked: list[tuple[UUID, str]] = []

    async def unfinished() -> list[UUID]:
        return [WAITING, REFUSED, LOST]

    async def interrupt(command: InterruptSync) -> None:
        asked.append((command.connection_id, now_acting().actor))
        if command.connection_id == REFUSED:
            raise VersionConflict(REFUSED)

    with capture_logs() as lines:
        await recover(queue, unfinished, interrupt)
    assert asked == [(REFUSED, "recovery"), (LOST, "recovery")]
    assert [(line["event"], line["log_level"]) for line in lines] == [("not_recovered", "debug")]


async def test_it_goes_on_when_the_database_comes_back(
    queue: SyncQueue, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.queue.recovery.EVERY", 0.01)
    answers: list[Exception | list[UUID]] = [
        psycopg.errors.UndefinedTable("no read model yet"),
        psycopg.OperationalError("gone"),
        [LOST],
    ]
    found = asyncio.Event()

    async def unfinished() -> list[UUID]:
        answer = answers.pop(0) if answers else []
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def interrupt(_: InterruptSync) -> None:
        found.set()

    with capture_logs() as lines:
        recovering = asyncio.create_task(keep_recovering(queue, lease, unfinished, interrupt))
        await asyncio.wait_for(found.wait(), 5)
        recovering.cancel()
        await asyncio.wait({recovering})
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("lease_taken", "info"),
        ("nothing_to_recover_yet", "debug"),
        ("recovery_put_off", "warning"),
    ]


async def test_one_process_at_a_time_recovers(
    queue: SyncQueue, lease: Lease, pool: AsyncConnectionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.queue.recovery.EVERY", 0.01)
    monkeypatch.setattr("infrastructure.queue.recovery.GLANCE", 0.01)
    asked = asyncio.Queue[str]()

    async def interrupt(_: InterruptSync) -> None:
        raise AssertionError

    async def recovering(who: str, theirs: Lease) -> None:
        async def unfinished() -> list[UUID]:
            await asked.put(who)
            return []

        await keep_recovering(queue, theirs, unfinished, interrupt)

    async with asyncio.timeout(10):
        first = asyncio.create_task(recovering("here", lease))
        assert await asked.get() == "here"
        other = Lease("recovery", "there", pool, seconds=0.3)
        second = asyncio.create_task(recovering("there", other))
        assert {await asked.get() for _ in range(20)} == {"here"}
        first.cancel()
        while await asked.get() != "there":
            pass
    second.cancel()
    await asyncio.wait({first, second})
