"""The messages of one live connection: a snapshot of the syncs of a person, then every change."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple, Protocol
from uuid import UUID

from interfaces.service import Service
from projections.support.json_documents import encode_array

MAX_REPLAYED_POSITIONS = 5_000
"""How many positions of the log are replayed to a client that reconnects.

A client that is further behind receives a snapshot instead.
"""


class Message(NamedTuple):
    """A live message as JSON, and the position up to which the client has all changes with it."""

    position: int
    text: str


class LiveUpdates(Protocol):
    """The source of live messages; `interfaces.live.broadcast.Broadcast` implements it."""

    @property
    def snapshot_slots(self) -> asyncio.Semaphore:
        """Limits how many clients load their snapshot at the same time."""

    async def current_position(self) -> int:
        """Return the position that every snapshot from now on includes."""

    def subscribe(
        self, person_id: UUID, after: int
    ) -> AbstractAsyncContextManager[AsyncIterator[Message]]:
        """Open the messages about a person after a position; they end if too many are queued."""


class NoLiveUpdates:
    """A source without messages, for an application that is created without live updates."""

    def __init__(self) -> None:
        self.snapshot_slots = asyncio.Semaphore()

    async def current_position(self) -> int:
        """Return 0, the position before the first event."""
        return 0

    @asynccontextmanager
    async def subscribe(self, _: UUID, __: int) -> AsyncIterator[AsyncIterator[Message]]:
        """Open an iterator that waits until it is cancelled."""
        yield _no_messages()


NO_LIVE_UPDATES = NoLiveUpdates()


async def _no_messages() -> AsyncIterator[Message]:
    await asyncio.Event().wait()
    yield Message(0, "")


async def stream_messages(
    person_id: UUID,
    service: Service,
    live_updates: LiveUpdates,
    *,
    last_position: int | None = None,
) -> AsyncGenerator[Message, None]:
    """Yield a snapshot of the syncs of a person, then a message for every later event.

    The position is loaded before the snapshot. So an event in between may be in both, but none is
    missed. A client that has received everything up to `last_position` gets no snapshot but the
    messages since then, unless they are more than MAX_REPLAYED_POSITIONS behind.

    Raises: One of DATABASE_ERRORS if the snapshot cannot be loaded.
    """
    async with live_updates.snapshot_slots:
        after = await live_updates.current_position()
        snapshot = None
        if last_position is not None and after - MAX_REPLAYED_POSITIONS <= last_position <= after:
            after = last_position
        else:
            items = await service.sync_status_of(person_id)
            snapshot = Message(
                after, f'{{"type":"snapshot","items":{encode_array(items).decode()}}}'
            )
    async with live_updates.subscribe(person_id, after) as updates:
        if snapshot:
            yield snapshot
        async for message in updates:
            yield message


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
