"""Rooms: so many are worked on at a time, a few more wait a moment, the rest are told at once."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class LimiterFull(Exception):
    """There is no place, and no room to wait for one."""


class ConcurrencyLimiter:
    """So many places, and so many who may wait so many seconds for one, first come first served."""

    def __init__(self, slots: int, *, max_waiting: int, timeout_seconds: float) -> None:
        self._free_slots = slots
        self._max_waiting = max_waiting
        self._timeout_seconds = timeout_seconds
        self._waiters: deque[asyncio.Future[None]] = deque()

    async def acquire(self) -> "Slot":
        """Take a place; raises LimiterFull."""
        if self._free_slots and not self._waiters:
            self._free_slots -= 1
        elif len(self._waiters) >= self._max_waiting:
            raise LimiterFull
        else:
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    await self._wait_for_slot(first=False)
            except TimeoutError:
                raise LimiterFull from None
        return Slot(self)

    async def reacquire(self) -> None:
        """Take a place again, before everybody who has not had one."""
        if self._free_slots:
            self._free_slots -= 1
        else:
            await self._wait_for_slot(first=True)

    def release(self) -> None:
        """Give a place to whoever waits for one."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free_slots += 1

    async def _wait_for_slot(self, *, first: bool) -> None:
        waiter = asyncio.get_running_loop().create_future()
        (self._waiters.appendleft if first else self._waiters.append)(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self.release()
            elif waiter in self._waiters:  # not passed over by `release` since it was cancelled
                self._waiters.remove(waiter)
            raise


class Slot:
    """A place in a room, until it is left."""

    def __init__(self, limiter: ConcurrencyLimiter) -> None:
        self._limiter = limiter
        self._is_held = True

    def release(self) -> None:
        """Leave for good; who has left already stays away."""
        if self._is_held:
            self._is_held = False
            self._limiter.release()

    @asynccontextmanager
    async def released(self) -> AsyncIterator[None]:
        """Let somebody else in while all one does is wait."""
        was_held = self._is_held
        self.release()
        yield
        if was_held:
            await self._limiter.reacquire()
            self._is_held = True
