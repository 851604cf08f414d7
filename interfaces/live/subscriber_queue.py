"""The queue of messages for one subscriber, with a limit."""

import asyncio
from collections import deque
from typing import Self
from uuid import UUID

from interfaces.live.stream import Message

MAX_QUEUED_MESSAGES = 256
"""How many messages may be queued for one subscriber; a slower one is disconnected."""


class SubscriberQueue:
    """The messages for one subscriber, in order of their positions.

    The iteration ends if there are more than MAX_QUEUED_MESSAGES. `after` is the position
    after which the subscriber needs messages; `closed` is set when the subscription has ended.
    """

    def __init__(self, person_id: UUID, after: int) -> None:
        self.person_id = person_id
        self.after = after
        self.closed = False
        self._messages: deque[Message] = deque()
        self._changed = asyncio.Event()
        self._overflowed = False

    def put(self, message: Message) -> None:
        """Queue a message, unless its position is not after `after` or the queue overflowed."""
        if self._overflowed or message.position <= self.after:
            return
        self._overflowed = len(self._messages) == MAX_QUEUED_MESSAGES
        if not self._overflowed:
            self._messages.append(message)
        self._changed.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        """Wait for the next message and return it."""
        while not self._messages:
            if self._overflowed:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._messages.popleft()
