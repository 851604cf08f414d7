"""A broadcast over a real event log, and drivers that record the steps of syncs."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import orjson
import psycopg

from domain.events.sync import Progress, Requests
from domain.sync import Sync
from domain.sync_attempt import Attempt
from infrastructure.crypto.master_key import KeyRing, parse_key_ring
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.pools import WritePool, open_write_pool
from infrastructure.subscriptions.person_log import open_person_log
from interfaces.live.broadcast import Broadcast
from interfaces.live.messages import SUBSCRIBED_TOPICS
from interfaces.live.stream import Message
from tests.canvas_builders import assignment, course
from tests.deadlines import scaled

NO_REQUESTS = Requests(total=0, not_modified=0, retried=0)


@dataclass
class SyncDriver:
    """Records the steps of runs of one connection."""

    store: EventStore
    person_id: UUID
    connection_id: UUID = field(default_factory=uuid4)
    courses_done: int = 0

    def __post_init__(self) -> None:
        self.sync = Sync.new(Sync.id_for(self.connection_id))

    @property
    def attempt(self) -> Attempt:
        assert self.sync.attempt
        return self.sync.attempt

    def request(self, mode: str = "full", trigger: str = "manual") -> None:
        self.sync.request(
            uuid4(),
            connection_id=self.connection_id,
            person_id=self.person_id,
            trigger=trigger,
            mode=mode,
        )
        self.store.save_blocking(self.sync)
        self.courses_done = 0

    def start(self) -> None:
        self.sync.start("worker")
        self.store.save_blocking(self.sync)

    def requeue(self) -> None:
        self.sync.requeue(self.attempt, "lost")
        self.store.save_blocking(self.sync)
        self.courses_done = 0

    def fall_back_to_full(self) -> None:
        self.sync.fall_back_to_full(self.attempt, "canvas-forbidden", "no planner")
        self.store.save_blocking(self.sync)

    def record_course(self, number: int, score: float = 9.5) -> None:
        """Record one of three courses, with one graded assignment."""
        self.courses_done += 1
        fetched, graded = course(str(number)), assignment(str(number))
        assert graded["submission"]
        graded["submission"]["score"] = score
        progress = Progress(total=3, done=self.courses_done, failed=0)
        self.sync.record_course(self.attempt, fetched, [graded], progress)
        self.store.save_blocking(self.sync)

    def fail(self, code: str) -> None:
        self.sync.fail(self.attempt, code, "", NO_REQUESTS)
        self.store.save_blocking(self.sync)

    def fail_scheduled_run(self, code: str) -> None:
        """Record a whole scheduled run that fails."""
        self.request(trigger="schedule")
        self.start()
        self.fail(code)

    def complete(self) -> None:
        progress = Progress(total=3, done=self.courses_done, failed=0)
        self.sync.complete(self.attempt, progress, NO_REQUESTS)
        self.store.save_blocking(self.sync)


@dataclass
class BroadcastFixture:
    """An open broadcast, and the store whose events it sends."""

    url: str
    pool: WritePool
    ring: KeyRing
    store: EventStore
    broadcast: Broadcast

    def sync_driver(self, person_id: UUID) -> SyncDriver:
        return SyncDriver(self.store, person_id)

    @property
    def head(self) -> int:
        with psycopg.connect(self.url) as connection:
            row = connection.execute("SELECT last_value FROM easeboard.position").fetchone()
        assert row
        return int(row[0])

    @asynccontextmanager
    async def subscribe(self, person_id: UUID, after: int) -> AsyncIterator["Subscriber"]:
        async with self.broadcast.subscribe(person_id, after) as messages:
            yield Subscriber(messages)


@dataclass
class Subscriber:
    """Receives the messages of one subscription, and keeps their positions."""

    messages: AsyncIterator[Message]
    positions: list[int] = field(default_factory=list)

    async def receive(self) -> dict[str, Any]:
        message = await asyncio.wait_for(anext(self.messages), scaled(10))
        self.positions.append(message.position)
        return orjson.loads(message.text)  # type: ignore[no-any-return]  # an object

    async def receive_status(self) -> tuple[str, int, int]:
        """Receive a message and return the run's status, courses done and grades changed."""
        run = (await self.receive())["sync"]
        return run["status"], run["courses"]["done"], run["changes"]["grades"]


async def position_zero() -> int:
    return 0


@asynccontextmanager
async def open_broadcast(url: str, ring: KeyRing | None = None) -> AsyncIterator[BroadcastFixture]:
    """Open a broadcast that appends do not wake: it polls, as for other processes."""
    ring = ring or parse_key_ring("hex:" + "0123456789abcdef" * 4)
    async with AsyncExitStack() as stack:
        pool = stack.enter_context(open_write_pool(url))
        store = stack.enter_context(_open_store(pool, ring))
        broadcast = Broadcast(partial(open_person_log, url, ring, SUBSCRIBED_TOPICS), position_zero)
        await stack.enter_async_context(broadcast)
        yield BroadcastFixture(url, pool, ring, store, broadcast)


@contextmanager
def _open_store(pool: WritePool, ring: KeyRing) -> Iterator[EventStore]:
    store = EventStore(pool, PersonKeys(pool, ring))
    yield store
    store.close()
