"""The queue of new messages for one subscriber, with a limit."""

import asyncio
from collections import deque
from typing import Self
from uuid import UUID

from domain.errors import PersonIsErased
from domain.log_position import LogPosition
from interfaces.live.stream import Message

MAX_QUEUED_MESSAGES = 256
"""How many messages may be queued for one subscriber; it reads further ones from the log."""


class SubscriberQueue:
    """The messages for one subscriber, in order of their positions.

    The iteration ends after the last queued message if there were more than MAX_QUEUED_MESSAGES,
    and at once after `end`. After `erase` it raises PersonIsErased at once. `closed` is set when
    the subscription has ended.
    """

    def __init__(self, person_id: UUID) -> None:
        self.person_id = person_id
        self.closed = False
        self._messages: deque[Message] = deque()
        self._changed = asyncio.Event()
        self._is_complete = True
        self._is_erased = False
        self._start: asyncio.Future[LogPosition] = asyncio.get_running_loop().create_future()

    async def start(self) -> LogPosition:
        """Wait for the place after which the queue receives every message, and return it."""
        return await self._start

    def start_after(self, place: LogPosition) -> None:
        """Set the place after which the queue receives every message."""
        if not self._start.done():
            self._start.set_result(place)

    def put(self, message: Message) -> None:
        """Queue a message, unless the queue is full or was full before."""
        if not self._is_complete:
            return
        self._is_complete = len(self._messages) < MAX_QUEUED_MESSAGES
        if self._is_complete:
            self._messages.append(message)
        self._changed.set()

    def end(self) -> None:
        """Drop the queued messages, because their events may be lost, and end the iteration."""
        self._messages.clear()
        self._is_complete = False
        self._changed.set()

    def erase(self) -> None:
        """Drop the queued messages, and end the iteration: the person was erased."""
        self._is_erased = True
        self.end()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        """Wait for the next message and return it; raises PersonIsErased after `erase`."""
        while not self._messages:
            if self._is_erased:
                raise PersonIsErased(self.person_id)
            if not self._is_complete:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._messages.popleft()
