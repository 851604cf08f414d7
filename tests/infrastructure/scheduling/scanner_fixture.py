"""Processes that scan, students whose first run is over, and what was asked for."""

import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

from application.request_sync import request_sync
from domain.connection import Connection
from domain.event import EVENTS
from domain.events import SyncRequested
from domain.events.sync import Progress, Requests
from domain.sync import Sync
from infrastructure.canvas.circuit_breakers import Circuits, circuits
from infrastructure.crypto.master_key import key_ring
from infrastructure.crypto.person_keys import PeopleKeys
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.store import EventStore
from infrastructure.postgres import pools
from infrastructure.postgres.lease import Lease
from infrastructure.queue.sync_queue import Batch, SyncQueue, sync_queue
from infrastructure.scheduling.scanner import Scanner
from projections.connections.due_connections import due_at_hosts, due_connections
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
        lease = Lease("scan", f"{os.getpid()}/{uuid4()}", queue.pool, seconds=seconds)
        kept, batch = Circuits(queue.pool, reads, now=clock, chance=lambda: 0), Batch(queue)
        scanner = Scanner(
            lease=lease,
            find=partial(due_connections, interval=INTERVAL, pool=reads),
            find_at=partial(due_at_hosts, interval=INTERVAL, pool=reads),
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
