"""A broadcast over a real log, and people whose syncs go on as a test says."""

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
from infrastructure.crypto.master_key import KeyRing, key_ring
from infrastructure.crypto.person_keys import PeopleKeys
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.execute import Pool
from infrastructure.postgres.pools import writes
from infrastructure.subscriptions.person_filter import peoples_log
from interfaces.live.broadcast import Broadcast
from interfaces.live.messages import TOPICS
from interfaces.live.stream import Message
from tests.canvas_builders import assignment, course

NO_REQUESTS = Requests(total=0, not_modified=0, retried=0)


@dataclass
class Running:
    """One person's run over one connection."""

    store: EventStore
    person_id: UUID
    connection_id: UUID = field(default_factory=uuid4)
    done: int = 0

    def __post_init__(self) -> None:
        self.sync = Sync.unborn(Sync.id_for(self.connection_id))

    @property
    def attempt(self) -> Attempt:
        assert self.sync.attempt
        return self.sync.attempt

    def request(self, mode: str = "full") -> None:
        self.sync.request(
            uuid4(),
            connection_id=self.connection_id,
            person_id=self.person_id,
            trigger="manual",
            mode=mode,
        )
        self.store.save_now(self.sync)
        self.done = 0

    def start(self) -> None:
        self.sync.start("worker")
        self.store.save_now(self.sync)

    def requeue(self) -> None:
        self.sync.requeue(self.attempt, "lost")
        self.store.save_now(self.sync)
        self.done = 0

    def widen(self) -> None:
        self.sync.widen(self.attempt, "canvas-forbidden", "no planner")
        self.store.save_now(self.sync)

    def see(self, nth: int, score: float = 9.5) -> None:
        """See a course with one assignment, of which there are three."""
        self.done += 1
        seen, graded = course(str(nth)), assignment(str(nth))
        assert graded["submission"]
        graded["submission"]["score"] = score
        progress = Progress(total=3, done=self.done, failed=0)
        self.sync.see_course(self.attempt, seen, [graded], progress)
        self.store.save_now(self.sync)

    def complete(self) -> None:
        progress = Progress(total=3, done=self.done, failed=0)
        self.sync.complete(self.attempt, progress, NO_REQUESTS)
        self.store.save_now(self.sync)


@dataclass
class Air:
    """What is broadcast, and what there is to broadcast."""

    url: str
    pool: Pool
    ring: KeyRing
    store: EventStore
    broadcast: Broadcast

    def run_of(self, person_id: UUID) -> Running:
        return Running(self.store, person_id)

    @property
    def head(self) -> int:
        with psycopg.connect(self.url) as connection:
            found = connection.execute("SELECT last_value FROM easeboard.position").fetchone()
        assert found
        return int(found[0])

    @asynccontextmanager
    async def hearing(self, person_id: UUID, after: int) -> AsyncIterator["Ear"]:
        async with self.broadcast.subscribe(person_id, after) as line:
            yield Ear(line)


@dataclass
class Ear:
    """Hears one line."""

    line: AsyncIterator[Message]
    positions: list[int] = field(default_factory=list)

    async def hear(self) -> dict[str, Any]:
        message = await asyncio.wait_for(anext(self.line), 10)
        self.positions.append(message.position)
        return orjson.loads(message.text)  # type: ignore[no-any-return]  # an object

    async def status(self) -> tuple[str, int, int]:
        """How far the run told of is: its status, courses done and grades changed."""
        run = (await self.hear())["sync"]
        return run["status"], run["courses"]["done"], run["changes"]["grades"]


async def no_standing() -> int:
    return 0


@asynccontextmanager
async def on_air(url: str, ring: KeyRing | None = None) -> AsyncIterator[Air]:
    """A broadcast whose log is written by itself in this process, as by others."""
    ring = ring or key_ring("hex:" + "0123456789abcdef" * 4)
    async with AsyncExitStack() as stack:
        pool = stack.enter_context(writes(url))
        store = stack.enter_context(_stored(pool, ring))
        broadcast = Broadcast(partial(peoples_log, url, ring, TOPICS), no_standing)
        await stack.enter_async_context(broadcast)
        yield Air(url, pool, ring, store, broadcast)


@contextmanager
def _stored(pool: Pool, ring: KeyRing) -> Iterator[EventStore]:
    store = EventStore(pool, PeopleKeys(pool, ring))
    yield store
    store.close()
