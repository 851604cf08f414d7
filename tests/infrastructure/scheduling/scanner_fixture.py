"""Processes that scan, connections whose first run has ended, and the runs requested for them."""

import os
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

from application.request_sync import request_sync
from domain.connection import Connection
from domain.event import EVENT_TYPES
from domain.events import SyncRequested
from domain.events.sync import Progress, Requests
from domain.sync import Sync
from infrastructure.canvas.circuit_breakers import CircuitBreakers, load_circuit_breakers
from infrastructure.crypto.master_key import parse_key_ring
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.store import EventStore
from infrastructure.postgres import pools
from infrastructure.postgres.lease import Lease
from infrastructure.queue.sync_queue import BufferedQueue, SyncQueue, open_sync_queue
from infrastructure.scheduling.scanner import Scanner
from projections.connections.due_connections import due_at_hosts, due_connections
from tests.projections.conftest import project_events

RING = parse_key_ring("hex:" + "0123456789abcdef" * 4)
ORIGIN = "https://canvas.example"
INTERVAL = timedelta(hours=2)
CLOCK_OFFSET = timedelta(hours=3)
NO_REQUESTS = Requests(total=0, not_modified=0, retried=0)


@dataclass
class ScannerProcess:
    """The parts of a process that scans."""

    store: EventStore
    reader: LogReader
    scanner: Scanner
    lease: Lease
    circuit_breakers: CircuitBreakers
    queue: SyncQueue


class Clock:
    """A clock that is ahead, or frozen."""

    offset = CLOCK_OFFSET
    frozen_at: datetime | None = None

    def __call__(self) -> datetime:
        return self.frozen_at or datetime.now(UTC) + self.offset


@asynccontextmanager
async def open_scanner_process(
    url: str, clock: Clock, *, lease_seconds: float = 15
) -> AsyncIterator[ScannerProcess]:
    """Open a process with pools and a queue of its own, inside the process of the test."""
    async with AsyncExitStack() as stack:
        write_pool = stack.enter_context(pools.open_write_pool(url))
        read_pool = await stack.enter_async_context(pools.open_read_pool(url))
        queue = await stack.enter_async_context(open_sync_queue(url))
        keys = PersonKeys(write_pool, RING)
        store = stack.enter_context(closing(EventStore(write_pool, keys)))
        lease = Lease("scan", f"{os.getpid()}/{uuid4()}", queue.pool, seconds=lease_seconds)
        circuit_breakers, batch = (
            CircuitBreakers(queue.pool, read_pool, clock=clock, random_value=lambda: 0),
            BufferedQueue(queue),
        )
        scanner = Scanner(
            lease=lease,
            find_due=partial(due_connections, interval=INTERVAL, pool=read_pool),
            find_due_at_hosts=partial(due_at_hosts, interval=INTERVAL, pool=read_pool),
            request_sync=partial(
                request_sync, store=store, queue=batch, interval=INTERVAL, clock=clock
            ),
            flush=batch.flush,
            count_waiting=queue.waiting_by_origin,
            load_circuits=partial(load_circuit_breakers, read_pool),
            now=clock,
        )
        yield ScannerProcess(
            store, LogReader(write_pool, Mapper(keys)), scanner, lease, circuit_breakers, queue
        )


def open_connections(process: ScannerProcess, total: int, origin: str = ORIGIN) -> list[UUID]:
    """Save connections whose first run has ended, and return their ids."""
    ids = []
    for _ in range(total):
        person = uuid4()
        connection = Connection.new(Connection.id_for(person, origin, 1)).open(
            person_id=person,
            canvas_url=origin,
            canvas_name="Example",
            canvas_user_id="42",
            canvas_user_name="Ada",
            token_fingerprint="c0ffee00",
        )
        sync = Sync.new(Sync.id_for(connection.id))
        sync.request(
            uuid4(), connection_id=connection.id, person_id=person, trigger="setup", mode="full"
        )
        sync.complete(sync.start("worker"), Progress(total=0, done=0, failed=0), NO_REQUESTS)
        process.store.save_blocking(connection, sync)
        ids.append(connection.id)
    return ids


async def fail_queued_runs(process: ScannerProcess, connection_ids: Iterable[UUID]) -> None:
    """Take all jobs, and fail the runs of these connections because their host did not respond."""
    async with process.queue.pool.connection() as connection:
        await connection.execute("DELETE FROM procrastinate_jobs")
    for connection_id in connection_ids:
        sync = process.store.load_blocking(Sync, Sync.id_for(connection_id))
        sync.fail(sync.start("worker"), "canvas-unreachable", "", NO_REQUESTS)
        process.store.save_blocking(sync)


def apply_all_events(process: ScannerProcess, url: str) -> None:
    project_events(
        url,
        process.reader.read(0, process.reader.high_water_mark(), sorted(EVENT_TYPES), 9999).events,
    )


def count_scheduled_runs(process: ScannerProcess) -> Counter[UUID]:
    """Count the runs that the scheduler has requested for each connection."""
    events = process.reader.read(
        0, process.reader.high_water_mark(), ["SyncRequested"], 9999
    ).events
    requests = [recorded.event for recorded in events]
    return Counter(
        each.connection_id
        for each in requests
        if isinstance(each, SyncRequested) and each.trigger == "schedule"
    )
