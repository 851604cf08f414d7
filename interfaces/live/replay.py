"""Replays to one client the messages that it missed, from the log, beside the broadcast."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar
from uuid import UUID

from domain.log_position import LogPosition
from infrastructure.subscriptions.missed_events import TIMELINE_DIGITS_BASE, MissedEvents
from interfaces.live.messages import MessageBuilder
from interfaces.live.stream import Message

P = ParamSpec("P")
R = TypeVar("R")

REPLAY_THREADS = 1
"""Threads that read missed events: one page after the other, of all clients in turn."""


class Replays:
    """Reads the missed events of people in a thread of its own.

    Every method may raise DatabaseBusy and DatabaseUnavailable.
    """

    def __init__(
        self, missed_events: MissedEvents, new_message_builder: Callable[[], MessageBuilder]
    ) -> None:
        self._missed_events = missed_events
        self._new_message_builder = new_message_builder
        self._executor = ThreadPoolExecutor(REPLAY_THREADS, thread_name_prefix="live-replay")

    def close(self) -> None:
        """Stop after the current page; replays that wait are cancelled."""
        self._executor.shutdown(cancel_futures=True)

    async def find_place(self, position: int, timeline_digits: int) -> LogPosition | None:
        """Return the place in the log that an event id names; None if the log has none."""
        return await self._run(self._missed_events.find_place, position, timeline_digits)

    async def has_place(self, place: LogPosition) -> bool:
        """Return whether the log has a place, also after a failover or a restore."""
        digits = place.timeline % TIMELINE_DIGITS_BASE
        return await self.find_place(place.position, digits) is not None

    async def closed_streams(self, person_id: UUID) -> set[UUID]:
        """Return the streams of the syncs of connections that a person has closed."""
        return await self._run(self._missed_events.closed_streams, person_id)

    async def is_erased(self, person_id: UUID) -> bool:
        """Return whether the data of a person was erased."""
        return await self._run(self._missed_events.is_erased, person_id)

    async def messages(
        self, person_id: UUID, after: int, up_to: LogPosition
    ) -> AsyncGenerator[Message, None]:
        """Yield the messages about a person with after < position <= up_to, in order.

        Raises: TooFarBehind if there are too many.
        """
        missed = await self._run(self._missed_events.positions, person_id, after, up_to.position)
        builder = self._new_message_builder()
        while missed:
            messages, count = await self._run(
                self._build_page, person_id, missed, builder, up_to.timeline
            )
            for message in messages:
                yield message
            missed = missed[count:]

    def _build_page(
        self, person_id: UUID, positions: Sequence[int], builder: MessageBuilder, timeline: int
    ) -> tuple[list[Message], int]:
        events, count = self._missed_events.read(person_id, positions)
        built = [builder.build(recorded, timeline) for recorded in events]
        return [message for message in built if message], count

    async def _run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: function(*args, **kwargs))
