"""The line to one listener: what waits for them, and never more than it may."""

import asyncio
from collections import deque
from typing import Self
from uuid import UUID

from interfaces.live.stream import Message

MAX_QUEUED_MESSAGES = 256
"""Messages that may wait for one listener; whoever lets more come together is let go."""


class SubscriberQueue:
    """Messages for one listener, in order; ends when they let too many come together."""

    def __init__(self, person_id: UUID, after: int) -> None:
        self.person_id = person_id
        self.after = after
        self.closed = False
        self._messages: deque[Message] = deque()
        self._changed = asyncio.Event()
        self._overflowed = False

    def put(self, message: Message) -> None:
        """Let a message wait for them, unless it is one they have had."""
        if self._overflowed or message.position <= self.after:
            return
        self._overflowed = len(self._messages) == MAX_QUEUED_MESSAGES
        if not self._overflowed:
            self._messages.append(message)
        self._changed.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        """The next message."""
        while not self._messages:
            if self._overflowed:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._messages.popleft()
