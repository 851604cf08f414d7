"""What a scan requests, and when there is one."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from structlog.testing import capture_logs

from application.event_metadata import current_metadata
from application.request_sync import RequestSync
from domain.circuit_breaker import CircuitBreaker
from domain.errors import SyncAlreadyRunning
from domain.sync_admission import FULL_SCAN_INTERVAL, sort_key
from domain.sync_schedule import DueConnection
from infrastructure.postgres.errors import DatabaseUnavailable
from infrastructure.scheduling.scanner import (
    MAX_PAGE_RUNS,
    SCAN_INTERVAL_SECONDS,
    Scanner,
    new_scheduler,
)
from tests.deadlines import scaled

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HERE, THERE = "https://here.example", "https://there.example"


def make_due(total: int, origin: str = HERE, since: timedelta = MINUTE) -> list[DueConnection]:
    ids = [uuid4() for _ in range(total)]
    return [
        DueConnection(id_, id_, origin, NOON - since + nth * MINUTE / 999)
        for nth, id_ in enumerate(ids)
    ]


@dataclass
class ScanFakes:
    """Due connections, a queue and circuit breakers, and the runs that were requested."""

    due: list[DueConnection] = field(default_factory=list)
    circuit_breakers: dict[str, CircuitBreaker] = field(default_factory=dict)
    waiting: Counter[str] = field(default_factory=Counter)
    refused: set[UUID] = field(default_factory=set)
    requested: list[DueConnection] = field(default_factory=list)
    queried_after: list[DueConnection | None] = field(default_factory=list)
    probed: list[str] = field(default_factory=list)
    flush_sizes: list[int] = field(default_factory=list)
    is_held: bool = True
    on_request: Callable[[], object] = lambda: None

    async def find_due(
        self,
        now: datetime,
        *,
        limit: int,
        after: DueConnection | None = None,
        without: Collection[str] = (),
    ) -> list[DueConnection]:
        self.queried_after.append(after)
        found = sorted((each for each in self.due if each.due_at <= now), key=sort_key)
        if after:
            found = [each for each in found if sort_key(each) > sort_key(after)]
        return [each for each in found if each.origin not in without][:limit]

    async def find_due_at_hosts(
        self, now: datetime, origins: Collection[str], *, limit: int
    ) -> list[DueConnection]:
        others = {each.origin for each in self.due} - set(origins)
        found = await self.find_due(now, without=others, limit=limit)
        self.queried_after.pop()
        return found

    async def request_sync(self, command: RequestSync) -> None:
        assert (command.trigger, current_metadata().actor) == ("schedule", "scheduler")
        await asyncio.sleep(0)
        self.on_request()
        if command.connection_id in self.refused:
            raise SyncAlreadyRunning(uuid4())
        (due,) = [each for each in self.due if each.connection_id == command.connection_id]
        assert command.person_id == due.person_id
        self.requested.append(due)

    async def flush(self) -> None:
        self.waiting.update(each.origin for each in self.requested[sum(self.flush_sizes) :])
        self.flush_sizes.append(len(self.requested) - sum(self.flush_sizes))

    async def claim_probe(self, origin: str) -> bool:
        self.probed.append(origin)
        return True

    def scanner(self, **overrides: Any) -> Scanner:
        async def count_waiting() -> Counter[str]:
            return self.waiting

        async def load_circuits() -> dict[str, CircuitBreaker]:
            return self.circuit_breakers

        defaults: dict[str, Any] = {
            "lease": self,
            "find_due": self.find_due,
            "find_due_at_hosts": self.find_due_at_hosts,
            "request_sync": self.request_sync,
            "flush": self.flush,
            "count_waiting": count_waiting,
            "load_circuits": load_circuits,
            "claim_probe": self.claim_probe,
            "now": lambda: NOON,
        }
        return Scanner(**defaults | overrides)


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


async def test_hosts_with_an_open_circuit_are_deferred_and_one_probe_is_requested() -> None:
    fakes = ScanFakes(due=make_due(7, HERE) + make_due(3, THERE))
    fakes.circuit_breakers[HERE] = CircuitBreaker(5, 1, NOON + MINUTE)
    with capture_logs() as lines:
        await fakes.scanner().scan()
    assert [each.origin for each in fakes.requested] == [THERE] * 3
    assert (lines[-1]["event"], lines[-1]["deferred"], lines[-1]["probes"]) == ("scanned", 7, 0)
    fakes.circuit_breakers[HERE] = CircuitBreaker(5, 1, NOON)
    fakes.due = fakes.due[:7]
    fakes.refused = {fakes.due[0].connection_id}
    result = await fakes.scanner().scan()
    assert fakes.requested[3:] == [fakes.due[1]]
    assert (fakes.probed, result.probes, result.requested) == ([HERE], 1, 0)


async def test_due_connections_at_an_open_circuit_are_scanned_once_a_minute_only() -> None:
    fakes, now = ScanFakes(due=make_due(7, HERE) + make_due(3, THERE)), [NOON]
    fakes.circuit_breakers[HERE] = CircuitBreaker(5, 1, NOON + 9 * MINUTE)
    scanner = fakes.scanner(now=lambda: now[0])
    await scanner.scan()
    await scanner.scan()
    last = max(fakes.requested, key=sort_key)
    assert fakes.queried_after == [None, last]
    now[0] += FULL_SCAN_INTERVAL
    await scanner.scan()
    assert fakes.queried_after[2:] == [None]


async def test_an_open_circuit_with_nothing_due_is_not_probed() -> None:
    fakes = ScanFakes(circuit_breakers={HERE: CircuitBreaker(5, 1, NOON)})
    await fakes.scanner().scan()
    assert fakes.probed == []


async def test_without_the_lease_nothing_is_requested() -> None:
    fakes = ScanFakes(due=make_due(3) + make_due(3, THERE), is_held=False)
    fakes.circuit_breakers[THERE] = CircuitBreaker(5, 1, NOON)
    await fakes.scanner().scan()
    assert (fakes.requested, fakes.probed) == ([], [])


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
