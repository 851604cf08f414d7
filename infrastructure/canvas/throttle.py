"""How many requests one token has in flight: as many as Canvas's leaky bucket bears.

Canvas reserves 50 units a request in flight and refuses at 600, so concurrency is the limit, not
the rate; the bucket belongs to the token, whoever uses it.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import blake2b
from weakref import WeakValueDictionary

from infrastructure.observability.instruments import CANVAS_BUDGET

RESERVED = 50
"""Units Canvas holds back for each request in flight, and returns when it ends."""

LOW = 150
"""Fewer units left than this, ours in flight returned: somebody else spends a lot."""


class Throttle:
    """Slots for one token: halved on a refusal, grown back slowly."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = most
        self._in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._calm = 0
        self._era = 0

    @property
    def limit(self) -> int:
        """How many may be in flight at present."""
        return self._limit

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[int]:
        """Wait for a turn; yields the era in which the request started."""
        await self._enter()
        try:
            yield self._era
        finally:
            self._leave()

    def refused(self, era: int) -> None:
        """Halve, once for all the requests that were in flight together."""
        self._shrink(era, self._limit // 2)

    def answered(self, era: int, remaining: float | None) -> None:
        """Learn from an answer, and from the units it says are left."""
        if remaining is not None:
            CANVAS_BUDGET.observe(remaining)
        others = RESERVED * max(0, self._in_flight - 1)
        if remaining is not None and remaining + others < LOW:
            return self._shrink(era, self._limit - 1)
        self._calm += 1
        if self._calm >= 2 * self._limit and self._limit < self._most:
            self._limit += 1
            self._calm = 0
            self._admit()
        return None

    def _shrink(self, era: int, limit: int) -> None:
        self._calm = 0
        if era == self._era:
            self._era += 1
            self._limit = max(1, limit)

    async def _enter(self) -> None:
        if self._in_flight < self._limit and not self._waiting:
            self._in_flight += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._leave()
            raise

    def _leave(self) -> None:
        self._in_flight -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._in_flight < self._limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self._in_flight += 1
                turn.set_result(None)


class Throttles:
    """A throttle per token, for as long as a run uses it; the tokens themselves are not kept."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_token: WeakValueDictionary[bytes, Throttle] = WeakValueDictionary()

    def of(self, origin: str, token: str) -> Throttle:
        """The throttle that every user of this token shares."""
        key = blake2b(f"{origin} {token}".encode(), digest_size=16).digest()
        return self._by_token.setdefault(key, Throttle(self._most))
