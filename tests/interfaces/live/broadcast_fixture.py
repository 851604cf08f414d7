"""A broadcast over a real event log, with real read models if a test needs them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, cast
from uuid import UUID

import orjson
import psycopg
from psycopg.conninfo import conninfo_to_dict

from domain.log_position import LogPosition
from infrastructure.crypto.master_key import KeyRing, parse_key_ring
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.store import EventStore
from infrastructure.event_store.timelines import START
from infrastructure.postgres.pools import ReadPool, WritePool, open_read_pool, open_write_pool
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.snapshot_reads import Reading, ReadModelQuery, read_models
from infrastructure.subscriptions.person_log import open_person_log
from interfaces.consistency_token import decode_consistency_token
from interfaces.live.broadcast import Broadcast
from interfaces.live.event_ids import encode_event_id
from interfaces.live.messages import SUBSCRIBED_TOPICS
from interfaces.live.stream import Message, stream_messages
from interfaces.service import Service
from projections.registry import READ_MODELS
from projections.support.page import Page
from projections.support.query import Query
from projections.sync_log.query import sync_status_of
from tests.deadlines import scaled
from tests.interfaces.live.sync_driver import SyncDriver


@dataclass
class BroadcastFixture:
    """An open broadcast, and the store whose events it sends."""

    url: str
    pool: WritePool
    read_pool: ReadPool
    ring: KeyRing
    store: EventStore
    broadcast: Broadcast

    def sync_driver(self, person_id: UUID) -> SyncDriver:
        return SyncDriver(self.store, person_id)

    @property
    def head(self) -> LogPosition:
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute("SELECT timeline, head FROM easeboard.log_state()").fetchone()
        assert row
        return LogPosition(*row)

    async def read_models_caught_up(self) -> None:
        """Wait until all read models have applied all events."""
        async with asyncio.timeout(scaled(10)):
            while self.lowest_checkpoint < self.head.position:  # noqa: ASYNC110  # in the database
                await asyncio.sleep(0.01)

    @property
    def lowest_checkpoint(self) -> int:
        with psycopg.connect(self.url) as connection:
            row = connection.execute(
                "SELECT min(position) FROM easeboard.projections WHERE role = 'live'"
            ).fetchone()
        assert row
        return int(row[0])

    @asynccontextmanager
    async def subscribe(
        self, person_id: UUID, after: LogPosition = START
    ) -> AsyncIterator["Subscriber"]:
        """Subscribe to the messages after a place, without a snapshot."""
        async with (
            self.broadcast.subscribe(person_id) as subscription,
            aclosing(subscription.messages_after(after)) as messages,
        ):
            yield Subscriber(messages)

    @asynccontextmanager
    async def follow(self, person_id: UUID, last_event_id: str = "") -> AsyncIterator["Subscriber"]:
        """Open the messages of one live connection, with the snapshot of the real read model."""
        service = cast("Service", SnapshotService(self.read_pool))
        messages = stream_messages(person_id, service, self.broadcast, last_event_id=last_event_id)
        async with aclosing(messages):
            yield Subscriber(messages)


@dataclass
class SnapshotService:
    """The two members of Service that live updates use."""

    pool: ReadPool

    def sync_status_of(self, person_id: UUID) -> Query[Page]:
        return sync_status_of(person_id, interval=timedelta(hours=2))

    async def read(self, *queries: ReadModelQuery) -> Reading:
        return await read_models(self.pool, *queries)


@dataclass
class Subscriber:
    """Receives the messages of one subscription, and keeps their places."""

    messages: AsyncIterator[Message]
    places: list[LogPosition] = field(default_factory=list)

    @property
    def positions(self) -> list[int]:
        return [place.position for place in self.places]

    @property
    def last_id(self) -> str:
        """The id of the last received message as a server-sent event."""
        return encode_event_id(self.places[-1])

    async def receive(self, seconds: float = 10) -> dict[str, Any]:
        message = await asyncio.wait_for(anext(self.messages), scaled(seconds))
        document: dict[str, Any] = orjson.loads(message.text)
        assert decode_consistency_token(document["consistency_token"]) == message.place
        self.places.append(message.place)
        return document

    async def receive_status(self) -> tuple[str, int, int]:
        """Receive a message and return the run's status, courses done and grades changed."""
        run = (await self.receive())["sync"]
        return run["status"], run["courses"]["done"], run["changes"]["grades"]

    async def receive_until(self, status: str) -> list[dict[str, Any]]:
        """Receive messages up to one that shows a run with this status."""
        received = [await self.receive()]
        while received[-1].get("sync", {}).get("status") != status:
            received.append(await self.receive())
        return received


@asynccontextmanager
async def open_broadcast(
    url: str, ring: KeyRing | None = None, **options: Any
) -> AsyncIterator[BroadcastFixture]:
    """Open a broadcast that appends do not wake: it polls, as for other processes."""
    ring = ring or parse_key_ring("hex:" + "0123456789abcdef" * 4)
    async with AsyncExitStack() as stack:
        pool = stack.enter_context(open_write_pool(url))
        read_pool = await stack.enter_async_context(open_read_pool(url))
        store = stack.enter_context(closing(EventStore(pool, PersonKeys(pool, ring))))
        broadcast = Broadcast(partial(open_person_log, url, ring, SUBSCRIBED_TOPICS), **options)
        await stack.enter_async_context(broadcast)
        yield BroadcastFixture(url, pool, read_pool, ring, store, broadcast)


@contextmanager
def projected(live: BroadcastFixture) -> Iterator[ProjectionDaemon]:
    """Apply the log to the read models; each round wakes the broadcast."""
    ensure_read_models(live.url, READ_MODELS)
    reader = LogReader(live.pool, Mapper(PersonKeys(live.pool, live.ring)))
    with ProjectionDaemon(live.url, reader, READ_MODELS, on_advanced=live.broadcast.wake) as daemon:
        yield daemon


@contextmanager
def history_writable(url: str, postgres_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Open a session of a superuser to which the triggers that protect the log do not apply."""
    database = str(conninfo_to_dict(url)["dbname"])
    with psycopg.connect(postgres_url, dbname=database) as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection
