import asyncio
import logging
from datetime import UTC, datetime
from uuid import UUID, uuid4

import psycopg
import pytest
from structlog.testing import capture_logs

from application.acting import now_acting
from application.request_sync import RequestSync
from domain.errors import SyncAlreadyRunning
from infrastructure.schedule import BATCH, scan, scheduler

PERSON = UUID("00000000-0000-4000-8000-00000000000a")
FIRST, SECOND, THIRD = (UUID(int=n) for n in (1, 2, 3))


class Requests:
    """A service that notes what it is asked for and refuses one connection."""

    def __init__(self, refused: UUID | None = None) -> None:
        self.asked: list[tuple[RequestSync, str]] = []
        self.refused = refused
        self.came = asyncio.Event()

    async def __call__(self, command: RequestSync) -> UUID:
        self.asked.append((command, now_acting().actor))
        self.came.set()
        if command.connection_id == self.refused:
            raise SyncAlreadyRunning(uuid4())
        return uuid4()


async def test_a_scan_asks_for_everything_due_whatever_is_refused() -> None:
    request = Requests(refused=SECOND)

    async def due(now: datetime, limit: int) -> list[tuple[UUID, UUID]]:
        assert now.tzinfo is UTC
        assert limit == BATCH
        return [(PERSON, connection_id) for connection_id in (FIRST, SECOND, THIRD)]

    with capture_logs() as lines:
        assert await scan(due, request) == 2
    assert request.asked == [
        (
            RequestSync(person_id=PERSON, connection_id=connection_id, trigger="schedule"),
            "scheduler",
        )
        for connection_id in (FIRST, SECOND, THIRD)
    ]
    assert [(line["event"], line["log_level"]) for line in lines] == [("not_due", "debug")]


async def test_a_database_that_is_away_puts_the_scan_off() -> None:
    async def due(_now: datetime, _limit: int) -> list[tuple[UUID, UUID]]:
        raise psycopg.OperationalError("gone")

    with capture_logs() as lines:
        assert await scan(due, Requests()) == 0
    assert [line["event"] for line in lines] == ["scan_put_off"]


async def test_the_clock_scans_from_its_start_and_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("infrastructure.schedule.EVERY", 0.05)
    monkeypatch.setattr("infrastructure.schedule.SPREAD", 0)
    request = Requests()

    async def due(_now: datetime, _limit: int) -> list[tuple[UUID, UUID]]:
        return [(PERSON, FIRST)]

    clock = scheduler(due, request)
    clock.start()
    try:
        for _ in range(3):
            await asyncio.wait_for(request.came.wait(), 5)
            request.came.clear()
    finally:
        clock.shutdown(wait=False)


async def test_a_scan_cut_off_by_the_end_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    begun = asyncio.Event()

    async def due(_now: datetime, _limit: int) -> list[tuple[UUID, UUID]]:
        begun.set()
        await asyncio.Event().wait()
        return []

    clock = scheduler(due, Requests())
    clock.start()
    await asyncio.wait_for(begun.wait(), 5)
    (scanning,) = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    clock.shutdown(wait=False)
    await asyncio.wait({scanning}, timeout=5)
    assert scanning.done()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_late_scan_is_made_up_for_once() -> None:
    (job,) = scheduler(lambda *_: asyncio.sleep(0, []), Requests()).get_jobs()
    assert (job.misfire_grace_time, job.coalesce, job.max_instances) == (None, True, 1)
    assert (job.trigger.interval.total_seconds(), job.trigger.jitter) == (60, 10)
