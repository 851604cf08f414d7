"""Limits the requests that one token has in flight, to stay within Canvas's leaky bucket.

Canvas reserves 50 units for each request in flight and refuses at 600, so concurrency is the
limit, not the rate. Each token has one bucket, shared by all programs that use the token.
Source: `app/middleware/request_throttle.rb` of canvas-lms.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import blake2b
from weakref import WeakValueDictionary

from infrastructure.observability.instruments import CANVAS_BUDGET

RESERVED_UNITS_PER_REQUEST = 50
"""Units that Canvas reserves for each request in flight, and returns when the request ends."""

LOW_REMAINING_UNITS = 150
"""If fewer units would remain without our requests in flight, another program uses many."""


class Throttle:
    """The slots of one token: halved when Canvas refuses a request, then slowly increased."""

    def __init__(self, max_limit: int) -> None:
        self._max_limit = max_limit
        self._limit = max_limit
        self._in_flight = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._successes = 0
        self._generation = 0

    @property
    def limit(self) -> int:
        """The number of requests that may be in flight now."""
        return self._limit

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[int]:
        """Wait for a free slot and hold it; yields the generation for the `record_` methods.

        The generation increases when the limit is lowered, so that requests that were in flight
        together lower it once.
        """
        await self._acquire()
        try:
            yield self._generation
        finally:
            self._release()

    def record_throttled(self, generation: int) -> None:
        """Halve the limit, once for all requests of one generation."""
        self._shrink(generation, self._limit // 2)

    def record_response(self, generation: int, remaining: float | None) -> None:
        """Adjust the limit after a response.

        `remaining` is the value of `X-Rate-Limit-Remaining`, in units; None if it is absent.
        """
        if remaining is not None:
            CANVAS_BUDGET.observe(remaining)
        reserved = RESERVED_UNITS_PER_REQUEST * max(0, self._in_flight - 1)
        if remaining is not None and remaining + reserved < LOW_REMAINING_UNITS:
            return self._shrink(generation, self._limit - 1)
        self._successes += 1
        if self._successes >= 2 * self._limit and self._limit < self._max_limit:
            self._limit += 1
            self._successes = 0
            self._wake_waiters()
        return None

    def _shrink(self, generation: int, limit: int) -> None:
        self._successes = 0
        if generation == self._generation:
            self._generation += 1
            self._limit = max(1, limit)

    async def _acquire(self) -> None:
        if self._in_flight < self._limit and not self._waiters:
            self._in_flight += 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():
                self._release()
            raise

    def _release(self) -> None:
        self._in_flight -= 1
        self._wake_waiters()

    def _wake_waiters(self) -> None:
        while self._waiters and self._in_flight < self._limit:
            waiter = self._waiters.popleft()
            if not waiter.done():
                self._in_flight += 1
                waiter.set_result(None)


class ThrottleRegistry:
    """The throttles of all tokens in use; it stores a digest of each token, not the token."""

    def __init__(self, max_limit: int) -> None:
        self._max_limit = max_limit
        self._by_token: WeakValueDictionary[bytes, Throttle] = WeakValueDictionary()

    def for_token(self, origin: str, token: str) -> Throttle:
        """Return the throttle of a token; the same one as long as any run uses it."""
        key = blake2b(f"{origin} {token}".encode(), digest_size=16).digest()
        return self._by_token.setdefault(key, Throttle(self._max_limit))
