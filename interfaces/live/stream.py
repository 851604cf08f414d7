"""What a person who stays on the line is told: where their syncs stand, then what changes."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple, Protocol
from uuid import UUID

from interfaces.service import Service
from projections.support.json_documents import encode_array

MAX_REPLAYED_POSITIONS = 5_000
"""Positions of the log somebody may have missed and still hear of; more is too many to look at."""


class Message(NamedTuple):
    """What somebody is told, as JSON, and the position of the log up to which they then know."""

    position: int
    text: str


class LiveUpdates(Protocol):
    """Whoever knows what happens."""

    @property
    def snapshot_slots(self) -> asyncio.Semaphore:
        """Lets a few in at a time."""

    async def current_position(self) -> int:
        """The position of the log that a snapshot includes from now on."""

    def subscribe(
        self, person_id: UUID, after: int
    ) -> AbstractAsyncContextManager[AsyncIterator[Message]]:
        """The messages about a person after a position; they end when too many wait."""


class NoLiveUpdates:
    """Knows of nothing, for ever."""

    def __init__(self) -> None:
        self.snapshot_slots = asyncio.Semaphore()

    async def current_position(self) -> int:
        """The beginning."""
        return 0

    @asynccontextmanager
    async def subscribe(self, _: UUID, __: int) -> AsyncIterator[AsyncIterator[Message]]:
        """Nothing to hear."""
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
    """A snapshot, then every message since: what falls in between is told after it.

    Whoever has everything up to a `last_position` not long ago gets what came since instead.
    """
    async with live_updates.snapshot_slots:
        after = await live_updates.current_position()
        snapshot = None
        if last_position is not None and after - MAX_REPLAYED_POSITIONS <= last_position <= after:
            after = last_position
        else:
            items = await service.sync_status_of(person_id, interval=service.sync_interval)
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
    """The messages, and None after each silence, for so many seconds or until we close."""
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
