"""A concurrency limiter: slots, a bounded FIFO queue with a timeout, and refusal beyond it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class LimiterFull(Exception):
    """No slot is free, and the queue is full or the timeout has passed."""


class ConcurrencyLimiter:
    """Has `slots` slots; up to `max_waiting` callers wait up to `timeout_seconds` for one."""

    def __init__(self, slots: int, *, max_waiting: int, timeout_seconds: float) -> None:
        self._free_slots = slots
        self._max_waiting = max_waiting
        self._timeout_seconds = timeout_seconds
        self._waiters: deque[asyncio.Future[None]] = deque()

    async def acquire(self) -> "Slot":
        """Wait for a slot, in the order of the calls.

        Raises: LimiterFull if the queue is full or the timeout passes.
        """
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
        """Wait for a slot again after a release, at the front of the queue, without a timeout."""
        if self._free_slots:
            self._free_slots -= 1
        else:
            await self._wait_for_slot(first=True)

    def release(self) -> None:
        """Give the slot to the first waiter, or add it to the free slots."""
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
            elif waiter in self._waiters:  # `release` may have removed the cancelled waiter
                self._waiters.remove(waiter)
            raise


class Slot:
    """One slot of a limiter, held until it is released."""

    def __init__(self, limiter: ConcurrencyLimiter) -> None:
        self._limiter = limiter
        self._is_held = True

    def release(self) -> None:
        """Release the slot; a second call does nothing."""
        if self._is_held:
            self._is_held = False
            self._limiter.release()

    @asynccontextmanager
    async def released(self) -> AsyncIterator[None]:
        """Release the slot inside the block, and acquire one again at its end."""
        was_held = self._is_held
        self.release()
        yield
        if was_held:
            await self._limiter.reacquire()
            self._is_held = True
