"""The messages of one live connection: a snapshot of the syncs of a person, then every change."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import orjson

from domain.log_position import LogPosition
from infrastructure.postgres.errors import DatabaseBusy
from infrastructure.subscriptions.missed_events import TooFarBehind
from interfaces.consistency_token import MAX_WAIT_SECONDS, encode_consistency_token
from interfaces.live.event_ids import parse_event_id
from interfaces.service import Service
from projections.support.json_documents import encode_array

SNAPSHOT_RETRY_SECONDS = 0.1


class Message(NamedTuple):
    """A live message as JSON, and the place up to which the client has all changes with it."""

    place: LogPosition
    text: str
    stream: UUID | None = None
    """The stream of the event; None for a snapshot."""


def new_message(place: LogPosition, content: dict[str, Any], stream: UUID | None = None) -> Message:
    """Return the message with this content and the consistency token of its place."""
    content["consistency_token"] = encode_consistency_token(place)
    return Message(place, orjson.dumps(content).decode(), stream)


class Subscription(Protocol):
    """The messages about one person from one place in the log on."""

    def messages_after(
        self, place: LogPosition, *, is_resumed: bool = False
    ) -> AsyncGenerator[Message, None]:
        """Yield every message after a place once; they end when the client has to join again.

        With `is_resumed` there are none about connections that are closed already.

        Raises: TooFarBehind if the client has missed too much; PersonIsErased.
        """


class LiveUpdates(Protocol):
    """The source of live messages; `interfaces.live.broadcast.Broadcast` implements it."""

    @property
    def snapshot_slots(self) -> asyncio.Semaphore:
        """Limits how many clients load their snapshot at the same time."""

    async def find_place(self, position: int, timeline_digits: int) -> LogPosition | None:
        """Return the place in the log that an event id names; None if the log has none."""

    async def has_place(self, place: LogPosition) -> bool:
        """Return whether the log has a place, also after a failover or a restore."""

    async def wait_until_known(self, place: LogPosition) -> None:
        """Wait, for a limited time, until no process has a kept document from before a place."""

    def subscribe(self, person_id: UUID) -> AbstractAsyncContextManager[Subscription]:
        """Open the messages about a person."""


class NoLiveUpdates:
    """A source without messages, for an application that is created without live updates."""

    def __init__(self) -> None:
        self.snapshot_slots = asyncio.Semaphore()

    async def find_place(self, _: int, __: int) -> LogPosition | None:
        """Return None: a stream without messages cannot be resumed."""
        return None

    async def has_place(self, _: LogPosition) -> bool:
        """Return true."""
        return True

    async def wait_until_known(self, _: LogPosition) -> None:
        """Return at once."""

    @asynccontextmanager
    async def subscribe(self, _: UUID) -> AsyncIterator["NoMessages"]:
        """Open a subscription without messages."""
        yield NoMessages()


class NoMessages:
    """A subscription that waits until it is cancelled."""

    async def messages_after(
        self,
        place: LogPosition,
        *,
        is_resumed: bool = False,  # noqa: ARG002  # of the protocol
    ) -> AsyncGenerator[Message, None]:
        """Wait until the iteration is cancelled."""
        await asyncio.Event().wait()
        yield Message(place, "")


NO_LIVE_UPDATES = NoLiveUpdates()


async def stream_messages(
    person_id: UUID,
    service: Service,
    live_updates: LiveUpdates,
    *,
    last_event_id: str = "",
) -> AsyncGenerator[Message, None]:
    """Yield a snapshot of the syncs of a person, then a message for every later event, once.

    A client that has received everything up to `last_event_id` gets no snapshot but the messages
    since then. If these are too many, or the log has no such place (any more), it gets a snapshot
    with `missed: true`; so does a client that has received what a failover has lost. The messages
    end if a client reads so slowly that it has missed too much.

    Raises: One of DATABASE_ERRORS if the snapshot, or what was missed, cannot be loaded;
    PersonIsErased when the person was erased.
    """
    told = await _find_place(last_event_id, live_updates)
    is_resumed, missed = told is not None, bool(last_event_id)
    while True:
        async with live_updates.subscribe(person_id) as subscription:
            if told is None:
                snapshot = await _load_snapshot(person_id, service, live_updates, missed=missed)
                told = snapshot.place
                yield snapshot
            is_first = is_resumed
            updates = subscription.messages_after(told, is_resumed=is_resumed)
            try:
                async with aclosing(updates):
                    async for message in updates:
                        is_first, told = False, message.place
                        yield message
            except TooFarBehind:
                if not is_first:
                    return
                told = None
        is_resumed = False
        if told and not await live_updates.has_place(told):
            told = None
        missed = told is None


async def _find_place(event_id: str, live_updates: LiveUpdates) -> LogPosition | None:
    parsed = parse_event_id(event_id)
    return await live_updates.find_place(*parsed) if parsed else None


async def _load_snapshot(
    person_id: UUID, service: Service, live_updates: LiveUpdates, *, missed: bool
) -> Message:
    """Load the snapshot, of a place that the log has.

    After a failover the read model is beyond the log until it has been reset. A read that follows
    the snapshot shows at least as much, at every process.
    """
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    async with live_updates.snapshot_slots:
        while True:
            (page,), place = await service.read(service.sync_status_of(person_id))
            if place and await live_updates.has_place(place):
                break
            if time.monotonic() > deadline:
                raise DatabaseBusy("The read model sync_log is not of this log; try again later.")
            await asyncio.sleep(SNAPSHOT_RETRY_SECONDS)
    await live_updates.wait_until_known(place)
    flag = {"missed": True} if missed else {}
    return new_message(
        place, {"type": "snapshot", **flag, "items": orjson.Fragment(encode_array(page.items))}
    )


async def with_keep_alive(
    messages: AsyncIterator[Message],
    *,
    interval_seconds: float,
    duration_seconds: float,
    closing: asyncio.Event,
) -> AsyncGenerator[Message | None, None]:
    """Yield the messages, and None after each `interval_seconds` without a message.

    It ends after `duration_seconds`, when `closing` is set, or when the messages end.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + duration_seconds
    closed = asyncio.ensure_future(closing.wait())
    next_message = asyncio.ensure_future(anext(messages, None))
    try:
        while (remaining := deadline - loop.time()) > 0:
            first = asyncio.FIRST_COMPLETED
            await asyncio.wait(
                {next_message, closed}, timeout=min(interval_seconds, remaining), return_when=first
            )
            if closed.done():
                return
            if not next_message.done():
                yield None
            elif (message := next_message.result()) is None:
                return
            else:
                yield message
                next_message = asyncio.ensure_future(anext(messages, None))
    finally:
        closed.cancel()
        next_message.cancel()
        await asyncio.wait({closed, next_message})
