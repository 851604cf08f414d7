"""What a scan asks for, and when there is one."""

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

from application.event_metadata import now_acting
from application.request_sync import RequestSync
from domain.circuit_breaker import Circuit
from domain.errors import SyncAlreadyRunning
from domain.sync_admission import LOOK_EVERY, place
from domain.sync_schedule import Due
from infrastructure.event_store.errors import DatabaseUnavailable
from infrastructure.scheduling.scanner import BATCH, EVERY, Scanner, scheduler

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HERE, THERE = "https://here.example", "https://there.example"


def due(total: int, origin: str = HERE, since: timedelta = MINUTE) -> list[Due]:
    ids = [uuid4() for _ in range(total)]
    return [Due(id_, id_, origin, NOON - since + nth * MINUTE / 999) for nth, id_ in enumerate(ids)]


@dataclass
class World:
    """Connections that are due, a queue, and what was asked for."""

    due: list[Due] = field(default_factory=list)
    circuits: dict[str, Circuit] = field(default_factory=dict)
    waiting: Counter[str] = field(default_factory=Counter)
    refused: set[UUID] = field(default_factory=set)
    asked: list[Due] = field(default_factory=list)
    found_after: list[Due | None] = field(default_factory=list)
    probed: list[str] = field(default_factory=list)
    flushed: list[int] = field(default_factory=list)
    is_held: bool = True
    on_request: Callable[[], object] = lambda: None

    async def find(
        self,
        now: datetime,
        *,
        limit: int,
        after: Due | None = None,
        without: Collection[str] = (),
    ) -> list[Due]:
        self.found_after.append(after)
        found = sorted(
            (each for each in self.due if each.due_at <= now),
            key=place,
        )
        if after:
            found = [each for each in found if place(each) > place(after)]
        return [each for each in found if each.origin not in without][:limit]

    async def find_at(self, now: datetime, origins: Collection[str], *, limit: int) -> list[Due]:
        others = {each.origin for each in self.due} - set(origins)
        found = await self.find(now, without=others, limit=limit)
        self.found_after.pop()
        return found

    async def request(self, command: RequestSync) -> None:
        assert (command.trigger, now_acting().actor) == ("schedule", "scheduler")
        await asyncio.sleep(0)
        self.on_request()
        if command.connection_id in self.refused:
            raise SyncAlreadyRunning(uuid4())
        (asked,) = [each for each in self.due if each.connection_id == command.connection_id]
        assert command.person_id == asked.person_id
        self.asked.append(asked)

    async def flush(self) -> None:
        self.waiting.update(each.origin for each in self.asked[sum(self.flushed) :])
        self.flushed.append(len(self.asked) - sum(self.flushed))

    async def probe(self, origin: str) -> bool:
        self.probed.append(origin)
        return True

    def scanner(self, **other: Any) -> Scanner:
        async def waiting() -> Counter[str]:
            return self.waiting

        async def circuits() -> dict[str, Circuit]:
            return self.circuits

        usual: dict[str, Any] = {
            "lease": self,
            "find": self.find,
            "find_at": self.find_at,
            "request": self.request,
            "flush": self.flush,
            "waiting": waiting,
            "circuits": circuits,
            "probe": self.probe,
            "now": lambda: NOON,
        }
        return Scanner(**usual | other)


async def test_a_scan_asks_for_everything_due_whatever_is_refused() -> None:
    world = World(due=due(3 * BATCH // 2))
    world.refused = {each.connection_id for each in world.due[:10]}
    world.due += due(5, since=-MINUTE)
    with capture_logs() as lines:
        scanned = await world.scanner().scan()
    assert {each.connection_id for each in world.asked} == {
        each.connection_id for each in world.due[10:-5]
    }
    assert (scanned.due, scanned.requested) == (3 * BATCH // 2, 3 * BATCH // 2 - 10)
    assert (scanned.late, scanned.is_cut) == (60.0, False)
    assert Counter(line["event"] for line in lines) == {"not_due": 10, "scanned": 1}
    assert world.flushed[:2] == [BATCH - 10, BATCH // 2]


async def test_what_is_due_longest_is_asked_for_first_and_no_more_than_there_is_room_for() -> None:
    world = World(due=due(100, HERE, since=9 * MINUTE) + due(100, THERE))
    scanned = await world.scanner(room=60).scan()
    hosts = [each.origin for each in world.asked]
    assert (hosts.count(HERE), hosts.count(THERE)) == (30, 15)
    assert sorted(world.asked, key=lambda each: each.due_at)[:30] == world.due[:30]
    assert scanned.is_cut


async def test_a_host_whose_runs_pile_up_keeps_no_others_waiting() -> None:
    world = World(due=due(400, HERE, since=9 * MINUTE) + due(5, THERE))
    world.waiting[HERE] = 500
    scanned = await world.scanner().scan()
    assert [each.origin for each in world.asked] == [THERE] * 5
    assert scanned.is_cut


async def test_nothing_is_asked_for_while_the_queue_is_full() -> None:
    world = World(due=due(3), waiting=Counter({HERE: 600, THERE: 400}))
    scanned = await world.scanner().scan()
    assert (world.asked, scanned.is_cut) == ([], True)


async def test_a_scan_ends_when_it_has_asked_for_as_many_as_may_wait() -> None:
    world = World(due=due(900))

    async def nothing_waits() -> Counter[str]:
        return Counter()

    scanned = await world.scanner(room=300, waiting=nothing_waits).scan()
    assert (scanned.requested, scanned.is_cut) == (300, True)


async def test_silent_hosts_are_held_back_and_one_probe_goes_out() -> None:
    world = World(due=due(7, HERE) + due(3, THERE))
    world.circuits[HERE] = Circuit(5, 1, NOON + MINUTE)
    with capture_logs() as lines:
        await world.scanner().scan()
    assert [each.origin for each in world.asked] == [THERE] * 3
    assert (lines[-1]["event"], lines[-1]["held_back"], lines[-1]["probes"]) == ("scanned", 7, 0)
    world.circuits[HERE] = Circuit(5, 1, NOON)
    world.due = world.due[:7]
    world.refused = {world.due[0].connection_id}
    scanned = await world.scanner().scan()
    assert world.asked[3:] == [world.due[1]]
    assert (world.probed, scanned.probes, scanned.requested) == ([HERE], 1, 0)


async def test_what_piles_up_at_a_silent_host_is_passed_by_once_a_minute_only() -> None:
    world, now = World(due=due(7, HERE) + due(3, THERE)), [NOON]
    world.circuits[HERE] = Circuit(5, 1, NOON + 9 * MINUTE)
    scanner = world.scanner(now=lambda: now[0])
    await scanner.scan()
    await scanner.scan()
    last = max(world.asked, key=place)
    assert world.found_after == [None, last]
    now[0] += LOOK_EVERY
    await scanner.scan()
    assert world.found_after[2:] == [None]


async def test_a_silent_host_with_nothing_due_is_not_probed() -> None:
    world = World(circuits={HERE: Circuit(5, 1, NOON)})
    await world.scanner().scan()
    assert world.probed == []


async def test_without_the_lease_nothing_is_asked_for() -> None:
    world = World(due=due(3) + due(3, THERE), is_held=False)
    world.circuits[THERE] = Circuit(5, 1, NOON)
    await world.scanner().scan()
    assert (world.asked, world.probed) == ([], [])


async def test_a_scanner_that_loses_its_lease_in_the_middle_stops_there() -> None:
    world = World(due=due(2 * BATCH))

    def lose() -> None:
        world.is_held = len(world.asked) < 20

    world.on_request = lose
    await world.scanner().scan()
    assert 20 <= len(world.asked) < 40
    assert sum(world.flushed) == len(world.asked)


@pytest.mark.parametrize(
    "error", [psycopg.OperationalError("gone"), DatabaseUnavailable("gone")], ids=["read", "write"]
)
async def test_a_database_that_goes_away_puts_the_rest_off(error: Exception) -> None:
    world = World(due=due(BATCH))

    def go() -> None:
        if len(world.asked) > 20:
            raise error

    world.on_request = go
    with capture_logs() as lines:
        scanned = await world.scanner().scan()
    assert [line["event"] for line in lines] == ["scan_put_off", "scanned"]
    assert scanned.requested == len(world.asked) < 40
    assert sum(world.flushed) == len(world.asked)


async def test_tables_that_are_not_there_yet_are_no_alarm() -> None:
    async def find(*_: Any, **__: Any) -> list[Due]:
        raise psycopg.errors.UndefinedTable("no read model yet")

    with capture_logs() as lines:
        await World().scanner(find=find).scan()
    assert {line["log_level"] for line in lines} == {"debug"}


async def test_the_clock_scans_from_its_start_and_soon_again_while_it_gets_on() -> None:
    world, scans = World(due=due(9)), asyncio.Semaphore(0)

    async def nothing_waits() -> Counter[str]:
        scans.release()
        return Counter()

    clock = scheduler(world.scanner(waiting=nothing_waits, room=4))
    clock.start()
    try:
        for _ in range(3):
            await asyncio.wait_for(scans.acquire(), EVERY)
    finally:
        clock.shutdown(wait=False)


@pytest.mark.parametrize("waiting", [0, 4])
async def test_a_queue_that_does_not_move_is_not_asked_more_often(waiting: int) -> None:
    clock = scheduler(World(due=due(9), waiting=Counter({THERE: waiting})).scanner(room=4))
    clock.start(paused=True)
    (job,) = clock.get_jobs()
    late = datetime.now(UTC) + timedelta(hours=1)
    job.modify(next_run_time=late)
    await job.func()
    assert (clock.get_job(job.id).next_run_time == late) == (waiting == 4)
    clock.shutdown(wait=False)


async def test_a_scan_cut_off_by_the_end_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    begun = asyncio.Event()

    async def find(*_: Any, **__: Any) -> list[Due]:
        begun.set()
        await asyncio.Event().wait()
        return []

    clock = scheduler(World().scanner(find=find))
    clock.start()
    await asyncio.wait_for(begun.wait(), 5)
    (scanning,) = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    clock.shutdown(wait=False)
    await asyncio.wait({scanning}, timeout=5)
    assert scanning.done()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_late_scan_is_made_up_for_once() -> None:
    (job,) = scheduler(World().scanner()).get_jobs()
    assert (job.misfire_grace_time, job.coalesce, job.max_instances) == (None, True, 1)
    assert job.trigger.interval.total_seconds() == EVERY
