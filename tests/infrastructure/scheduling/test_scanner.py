"""What a scan requests, and when there is one."""

import asyncio
import logging
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs

from domain.circuit_breaker import CircuitBreaker
from domain.sync_schedule import DueConnection
from infrastructure.postgres.errors import DatabaseUnavailable
from infrastructure.scheduling.scanner import (
    MAX_PAGE_RUNS,
    SCAN_INTERVAL_SECONDS,
    new_scheduler,
)
from tests.deadlines import scaled
from tests.infrastructure.scheduling.scan_fakes import (
    HERE,
    MINUTE,
    NOON,
    THERE,
    ScanFakes,
    make_due,
)


async def test_a_scan_requests_everything_due_although_some_are_refused() -> None:
    fakes = ScanFakes(due=make_due(3 * MAX_PAGE_RUNS // 2))
    fakes.refused = {each.connection_id for each in fakes.due[:10]}
    fakes.due += make_due(5, since=-MINUTE)
    with capture_logs() as lines:
        result = await fakes.scanner().scan()
    assert {each.connection_id for each in fakes.requested} == {
        each.connection_id for each in fakes.due[10:-5]
    }
    assert (result.due, result.requested) == (3 * MAX_PAGE_RUNS // 2, 3 * MAX_PAGE_RUNS // 2 - 10)
    assert (result.late_seconds, result.is_truncated) == (60.0, False)
    assert Counter(line["event"] for line in lines) == {"sync_not_requested": 10, "scanned": 1}
    assert fakes.flush_sizes[:2] == [MAX_PAGE_RUNS - 10, MAX_PAGE_RUNS // 2]


async def test_the_longest_due_are_requested_first_up_to_the_queue_limit() -> None:
    fakes = ScanFakes(due=make_due(100, HERE, since=9 * MINUTE) + make_due(100, THERE))
    result = await fakes.scanner(max_waiting=60).scan()
    hosts = [each.origin for each in fakes.requested]
    assert (hosts.count(HERE), hosts.count(THERE)) == (30, 15)
    assert sorted(fakes.requested, key=lambda each: each.due_at)[:30] == fakes.due[:30]
    assert result.is_truncated


async def test_a_host_with_a_full_queue_does_not_delay_other_hosts() -> None:
    fakes = ScanFakes(due=make_due(400, HERE, since=9 * MINUTE) + make_due(5, THERE))
    fakes.waiting[HERE] = 500
    result = await fakes.scanner().scan()
    assert [each.origin for each in fakes.requested] == [THERE] * 5
    assert result.is_truncated


async def test_nothing_is_requested_while_the_queue_is_full() -> None:
    fakes = ScanFakes(due=make_due(3), waiting=Counter({HERE: 600, THERE: 400}))
    result = await fakes.scanner().scan()
    assert (fakes.requested, result.is_truncated) == ([], True)


async def test_a_scan_ends_when_it_has_requested_the_queue_limit() -> None:
    fakes = ScanFakes(due=make_due(900))

    async def nothing_waits() -> Counter[str]:
        return Counter()

    result = await fakes.scanner(max_waiting=300, count_waiting=nothing_waits).scan()
    assert (result.requested, result.is_truncated) == (300, True)


async def test_without_the_lease_nothing_is_requested() -> None:
    fakes = ScanFakes(due=make_due(3) + make_due(3, THERE), is_held=False)
    fakes.circuit_breakers[THERE] = CircuitBreaker(5, 1, NOON)
    await fakes.scanner().scan()
    assert fakes.requested == []


async def test_a_scanner_that_loses_its_lease_stops_at_once() -> None:
    fakes = ScanFakes(due=make_due(2 * MAX_PAGE_RUNS))

    def lose_lease() -> None:
        fakes.is_held = len(fakes.requested) < 20

    fakes.on_request = lose_lease
    await fakes.scanner().scan()
    assert 20 <= len(fakes.requested) < 40
    assert sum(fakes.flush_sizes) == len(fakes.requested)


@pytest.mark.parametrize(
    "error", [psycopg.OperationalError("lost"), DatabaseUnavailable("lost")], ids=["read", "write"]
)
async def test_an_unavailable_database_postpones_the_rest_of_a_scan(error: Exception) -> None:
    fakes = ScanFakes(due=make_due(MAX_PAGE_RUNS))

    def fail_after_twenty() -> None:
        if len(fakes.requested) > 20:
            raise error

    fakes.on_request = fail_after_twenty
    with capture_logs() as lines:
        result = await fakes.scanner().scan()
    assert [line["event"] for line in lines] == ["scan_postponed", "scanned"]
    assert result.requested == len(fakes.requested) < 40
    assert sum(fakes.flush_sizes) == len(fakes.requested)


async def test_missing_read_models_are_logged_at_debug_only() -> None:
    async def find_due(*_: Any, **__: Any) -> list[DueConnection]:
        raise psycopg.errors.UndefinedTable("no read model yet")

    with capture_logs() as lines:
        await ScanFakes().scanner(find_due=find_due).scan()
    assert {line["log_level"] for line in lines} == {"debug"}


async def test_the_scheduler_scans_at_its_start_and_again_soon_while_work_is_left() -> None:
    fakes, scans = ScanFakes(due=make_due(9)), asyncio.Semaphore(0)

    async def nothing_waits() -> Counter[str]:
        scans.release()
        return Counter()

    scheduler = new_scheduler(fakes.scanner(count_waiting=nothing_waits, max_waiting=4))
    scheduler.start()
    try:
        for _ in range(3):
            await asyncio.wait_for(scans.acquire(), SCAN_INTERVAL_SECONDS)
    finally:
        scheduler.shutdown(wait=False)


@pytest.mark.parametrize("waiting", [0, 4])
async def test_a_full_queue_is_not_scanned_more_often(waiting: int) -> None:
    fakes = ScanFakes(due=make_due(9), waiting=Counter({THERE: waiting}))
    scheduler = new_scheduler(fakes.scanner(max_waiting=4))
    scheduler.start(paused=True)
    (job,) = scheduler.get_jobs()
    next_run = datetime.now(UTC) + timedelta(hours=1)
    job.modify(next_run_time=next_run)
    await job.func()
    assert (scheduler.get_job(job.id).next_run_time == next_run) == (waiting == 4)
    scheduler.shutdown(wait=False)


async def test_a_scan_cancelled_at_shutdown_is_not_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    has_started = asyncio.Event()

    async def find_due(*_: Any, **__: Any) -> list[DueConnection]:
        has_started.set()
        await asyncio.Event().wait()
        return []

    scheduler = new_scheduler(ScanFakes().scanner(find_due=find_due))
    scheduler.start()
    await asyncio.wait_for(has_started.wait(), scaled(5))
    (scan_task,) = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    scheduler.shutdown(wait=False)
    await asyncio.wait({scan_task}, timeout=scaled(5))
    assert scan_task.done()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_late_scans_are_coalesced_into_one() -> None:
    (job,) = new_scheduler(ScanFakes().scanner()).get_jobs()
    assert (job.misfire_grace_time, job.coalesce, job.max_instances) == (None, True, 1)
    assert job.trigger.interval.total_seconds() == SCAN_INTERVAL_SECONDS
