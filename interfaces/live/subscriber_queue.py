"""The line to one listener: what waits for them, and never more than it may."""

import asyncio
from collections import deque
from typing import Self
from uuid import UUID

from interfaces.live.stream import Message

CAPACITY = 256
"""Messages that may wait for one listener; whoever lets more come together is let go."""


class Line:
    """Messages for one listener, in order; ends when they let too many come together."""

    def __init__(self, person_id: UUID, after: int) -> None:
        self.person_id = person_id
        self.after = after
        self.gone = False
        self._waiting: deque[Message] = deque()
        self._woken = asyncio.Event()
        self._full = False

    def put(self, message: Message) -> None:
        """Let a message wait for them, unless it is one they have had."""
        if self._full or message.position <= self.after:
            return
        self._full = len(self._waiting) == CAPACITY
        if not self._full:
            self._waiting.append(message)
        self._woken.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        """The next message."""
        while not self._waiting:
            if self._full:
                raise StopAsyncIteration
            self._woken.clear()
            await self._woken.wait()
        return self._waiting.popleft()
