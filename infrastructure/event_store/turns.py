"""The turns of commands on one stream: one at a time, in the order in which they arrive."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from domain.errors import ConnectionBusy

MAX_WAITING_COMMANDS = 100
"""Commands of one process that may wait for their turn on one stream."""
TURN_WAIT_SECONDS = 10.0
"""Seconds that a command waits at most; a turn takes some milliseconds."""


class Turns:
    """The turns on all streams, in this process. Locks of asyncio are given in order of arrival."""

    def __init__(
        self,
        *,
        max_waiting: int = MAX_WAITING_COMMANDS,
        wait_seconds: float = TURN_WAIT_SECONDS,
    ) -> None:
        self._max_waiting = max_waiting
        self._wait_seconds = wait_seconds
        self._locks: dict[UUID, asyncio.Lock] = {}
        self._counts: dict[UUID, int] = {}

    @asynccontextmanager
    async def wait_for(self, stream: UUID) -> AsyncIterator[None]:
        """Wait for the turn on a stream, which lasts as long as the block.

        Raises: ConnectionBusy if too many wait already, or the turn does not come in time.
        """
        count = self._counts.get(stream, 0)
        if count > self._max_waiting:
            raise ConnectionBusy(stream)
        lock = self._locks.setdefault(stream, asyncio.Lock())
        self._counts[stream] = count + 1
        try:
            try:
                async with asyncio.timeout(self._wait_seconds):
                    await lock.acquire()
            except TimeoutError:
                raise ConnectionBusy(stream) from None
            try:
                yield
            finally:
                lock.release()
        finally:
            self._counts[stream] -= 1
            if not self._counts[stream]:
                del self._counts[stream], self._locks[stream]
