"""What a person who stays on the line is told: where their syncs stand, then what changes."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple, Protocol
from uuid import UUID

from interfaces.service import Service
from projections.support.json_documents import array

REPLAYED = 5_000
"""Positions of the log somebody may have missed and still hear of; more is too many to look at."""


class Message(NamedTuple):
    """What somebody is told, as JSON, and the position of the log up to which they then know."""

    position: int
    text: str


class Live(Protocol):
    """Whoever knows what happens."""

    @property
    def entering(self) -> asyncio.Semaphore:
        """Lets a few in at a time."""

    async def standing(self) -> int:
        """The position of the log that a snapshot includes from now on."""

    def subscribe(
        self, person_id: UUID, after: int
    ) -> AbstractAsyncContextManager[AsyncIterator[Message]]:
        """The messages about a person after a position; they end when too many wait."""


class Silence:
    """Knows of nothing, for ever."""

    def __init__(self) -> None:
        self.entering = asyncio.Semaphore()

    async def standing(self) -> int:
        """The beginning."""
        return 0

    @asynccontextmanager
    async def subscribe(self, _: UUID, __: int) -> AsyncIterator[AsyncIterator[Message]]:
        """Nothing to hear."""
        yield _silent()


silence = Silence()


async def _silent() -> AsyncIterator[Message]:
    await asyncio.Event().wait()
    yield Message(0, "")


async def messages(
    person_id: UUID, service: Service, live: Live, *, heard: int | None = None
) -> AsyncGenerator[Message, None]:
    """A snapshot, then every message since: what falls in between is told after it.

    Whoever has `heard` everything up to a position not long ago gets what came since instead.
    """
    async with live.entering:
        after = await live.standing()
        snapshot = None
        if heard is not None and after - REPLAYED <= heard <= after:
            after = heard
        else:
            items = await service.sync_status_of(person_id, interval=service.interval)
            snapshot = Message(after, f'{{"type":"snapshot","items":{array(items).decode()}}}')
    async with live.subscribe(person_id, after) as later:
        if snapshot:
            yield snapshot
        async for message in later:
            yield message


async def paced(
    told: AsyncIterator[Message], *, every: float, seconds: float, closing: asyncio.Event
) -> AsyncGenerator[Message | None, None]:
    """The messages, and None after each silence, for so many seconds or until we close."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    closed = asyncio.ensure_future(closing.wait())
    coming = asyncio.ensure_future(anext(told, None))
    try:
        while (left := deadline - loop.time()) > 0:
            first = asyncio.FIRST_COMPLETED
            await asyncio.wait({coming, closed}, timeout=min(every, left), return_when=first)
            if closed.done():
                return
            if not coming.done():
                yield None
            elif (message := coming.result()) is None:
                return
            else:
                yield message
                coming = asyncio.ensure_future(anext(told, None))
    finally:
        closed.cancel()
        coming.cancel()
        await asyncio.wait({closed, coming})
