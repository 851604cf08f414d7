"""Scanners in several processes, on a real PostgreSQL: whatever is due is asked for once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest

from application.request_sync import request_sync
from domain.circuit import TRIES
from domain.connection import Connection
from domain.event import EVENTS
from domain.events import SyncRequested
from domain.events.sync import Progress, Requests
from domain.sync import Sync
from infrastructure.canvas.circuits import Circuits, circuits
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.store import EventStore
from infrastructure.jobs import Batch, SyncQueue, sync_queue
from infrastructure.leases import Lease
from infrastructure.master_key import key_ring
from infrastructure.people_keys import PeopleKeys
from infrastructure.postgres import pools
from infrastructure.schedule import Scanner
from infrastructure.schema import bring_up_to_date
from projections.connections.due import due_connections
from tests.projections.conftest import take_in

RING = key_ring("hex:" + "0123456789abcdef" * 4)
ORIGIN = "https://canvas.example"
INTERVAL = timedelta(hours=2)
LATER = timedelta(hours=3)
NONE = Requests(total=0, not_modified=0, retried=0)


@dataclass
class Process:
    """What one process scans with."""

    store: EventStore
    reader: LogReader
    scanner: Scanner
    lease: Lease
    circuits: Circuits
    queue: SyncQueue


class Clock:
    """A clock that runs ahead, or stands still."""

    ahead = LATER
    stands: datetime | None = None

    def __call__(self) -> datetime:
        return self.stands or datetime.now(UTC) + self.ahead


@asynccontextmanager
async def process(url: str, clock: Clock, *, seconds: float = 15) -> AsyncIterator[Process]:
    """A process with pools and a queue of its own."""
    async with AsyncExitStack() as stack:
        writes = stack.enter_context(pools.writes(url))
        reads = await stack.enter_async_context(pools.reads(url))
        queue = await stack.enter_async_context(sync_queue(url))
        keys = PeopleKeys(writes, RING)
        store = stack.enter_context(closing(EventStore(writes, keys)))
        lease = Lease("scan", str(uuid4()), queue.pool, seconds=seconds)
        kept, batch = Circuits(queue.pool, now=clock, chance=lambda: 0), Batch(queue)
        scanner = Scanner(
            lease=lease,
            find=partial(due_connections, interval=INTERVAL, pool=reads),
            request=partial(request_sync, store=store, queue=batch, interval=INTERVAL, clock=clock),
            flush=batch.flush,
            waiting=queue.waiting_at,
            circuits=partial(circuits, reads),
            probe=kept.probe,
            now=clock,
        )
        yield Process(store, LogReader(writes, Mapper(keys)), scanner, lease, kept, queue)


def students(there: Process, total: int, origin: str = ORIGIN) -> list[UUID]:
    """Connections whose first run is over."""
    ids = []
    for _ in range(total):
        person = uuid4()
        connection = Connection.unborn(Connection.id_for(person, origin, 1)).open(
            person_id=person,
            canvas_url=origin,
            canvas_name="Example",
            canvas_user_id="42",
            canvas_user_name="Ada",
            token_fingerprint="c0ffee00",
        )
        sync = Sync.unborn(Sync.id_for(connection.id))
        sync.request(
            uuid4(), connection_id=connection.id, person_id=person, trigger="setup", mode="full"
        )
        sync.complete(sync.start("worker"), Progress(total=0, done=0, failed=0), NONE)
        there.store.save_now(connection, sync)
        ids.append(connection.id)
    return ids


def project(there: Process, url: str) -> None:
    take_in(url, there.reader.read(0, there.reader.safe(), sorted(EVENTS), 9999).events)


def requested(there: Process) -> Counter[UUID]:
    """How often the clock asked for each connection."""
    events = there.reader.read(0, there.reader.safe(), ["SyncRequested"], 9999).events
    asked = [recorded.event for recorded in events]
    return Counter(
        each.connection_id
        for each in asked
        if isinstance(each, SyncRequested) and each.trigger == "schedule"
    )


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await true():  # noqa: ASYNC110  # another process decides
            await asyncio.sleep(0.02)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def url(database_url: str) -> str:
    bring_up_to_date(database_url)
    return database_url


async def test_of_two_scanners_one_asks_and_once(url: str, clock: Clock) -> None:
    async with process(url, clock) as one, process(url, clock) as two:
        ids = students(one, 40)
        project(one, url)
        held = [await each.lease.renew() for each in (one, two)]
        assert sorted(held) == [False, True]
        await asyncio.gather(one.scanner.scan(), two.scanner.scan())
        assert requested(one) == Counter(ids)
        assert await one.queue.waiting() == set(ids)
        assert await one.queue.waiting_at() == {ORIGIN: 40}


async def test_two_that_both_believe_to_hold_the_lease_ask_once_all_the_same(
    url: str, clock: Clock
) -> None:
    async with process(url, clock) as one, process(url, clock) as two:
        ids = students(one, 40)
        project(one, url)
        for each in (one, two):
            each.lease._held_until = asyncio.get_running_loop().time() + 60
        await asyncio.gather(one.scanner.scan(), two.scanner.scan())
        assert requested(one) == Counter(ids)
        assert await one.queue.waiting() == set(ids)


async def test_what_was_synchronised_meanwhile_is_not_asked_for_though_the_tables_lag(
    url: str, clock: Clock
) -> None:
    async with process(url, clock) as there:
        [id_] = students(there, 1)
        project(there, url)
        [stale] = await there.scanner.find(clock(), limit=9)
        clock.stands = stale.due_at
        sync = await there.store.load(Sync, Sync.id_for(id_))
        sync.request(
            uuid4(), connection_id=id_, person_id=sync.person_id, trigger="manual", mode="full"
        )
        sync.complete(sync.start("worker"), Progress(total=0, done=0, failed=0), NONE)
        await there.store.save(sync)
        await there.lease.renew()
        scanned = await there.scanner.scan()
        assert (scanned.due, scanned.requested) == (1, 0)
        assert requested(there) == Counter()


async def test_a_scanner_frozen_past_its_lease_has_lost_it(url: str, clock: Clock) -> None:
    async with (
        process(url, clock, seconds=0.2) as frozen,
        process(url, clock) as other,
    ):
        students(frozen, 3)
        project(frozen, url)
        assert await frozen.lease.renew()
        await until(other.lease.renew)
        assert (await frozen.scanner.scan()).requested == 0
        assert not await frozen.lease.renew()
        assert (await other.scanner.scan()).requested == 3


async def test_a_silent_host_is_probed_and_the_others_go_on(url: str, clock: Clock) -> None:
    silent = "https://silent.example"
    async with process(url, clock) as there:
        ids, held = students(there, 3), students(there, 4, silent)
        project(there, url)
        await there.lease.renew()
        for _ in range(TRIES):
            await there.circuits.is_silent(silent)
        scanned = await there.scanner.scan()
        assert (scanned.requested, scanned.held_back, scanned.probes) == (3, 4, 0)
        clock.ahead += timedelta(minutes=1)
        scanned = await there.scanner.scan()
        assert (scanned.held_back, scanned.probes) == (4, 1)
        assert sum(requested(there)[id_] for id_ in held) == 1
        await there.circuits.answers(silent)
        await there.scanner.scan()
        assert requested(there) == Counter([*ids, *held])


async def test_a_late_scan_finds_all_that_became_due_meanwhile(url: str, clock: Clock) -> None:
    async with process(url, clock) as there:
        clock.ahead = timedelta(0)
        ids = students(there, 5)
        project(there, url)
        await there.lease.renew()
        assert (await there.scanner.scan()).due == 0
        clock.ahead = timedelta(days=3)
        assert (await there.scanner.scan()).requested == 5
        assert requested(there) == Counter(ids)
