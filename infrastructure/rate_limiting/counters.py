"""Counts requests by the minute: in this process, and together with the others through Redis."""

import time
from collections import Counter
from collections.abc import Callable
from math import ceil
from types import TracebackType
from typing import NamedTuple, Protocol, Self

MINUTE = 60


class Counted(NamedTuple):
    """How often in this minute, and the seconds that are left of it."""

    times: int
    left: int


class Shared(Protocol):
    """Counters that several processes share, and that may be lost."""

    @property
    def is_reached(self) -> bool:
        """Whether they answered the last time."""

    async def add(self, key: str) -> int:
        """Count one more; 0 when they do not answer."""

    async def close(self) -> None:
        """Let go."""


class RequestCounts:
    """Counters that start over every minute.

    Every request is counted here; where Redis is configured and reached, its count decides. What
    is over the limit here already costs no question to Redis.
    """

    def __init__(
        self, shared: Shared | None = None, *, now: Callable[[], float] = time.time
    ) -> None:
        self._now = now
        self._minute = 0
        self._here: Counter[str] = Counter()
        self._shared = shared

    async def __aenter__(self) -> Self:
        if self._shared:
            await self._shared.add("look")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shared:
            await self._shared.close()

    @property
    def standing(self) -> dict[str, str]:
        """How the counters do that are shared, if any are; we count without them all the same."""
        if self._shared is None:
            return {}
        reached = self._shared.is_reached
        return {"rate_limits": "ok" if reached else "no Redis: counted by each process"}

    def seen(self, key: str) -> Counted:
        """How many were counted here; asks nobody else."""
        now = self._now()
        minute = int(now // MINUTE)
        if minute != self._minute:
            self._minute = minute
            self._here.clear()
        return Counted(self._here[key], ceil((minute + 1) * MINUTE - now))

    async def add(self, key: str, most: int) -> Counted:
        """Count one more of those of whom there may be so many."""
        before = self.seen(key)
        count = self._here[key] = before.times + 1
        if self._shared and self._shared.is_reached and count <= most:
            everywhere = await self._shared.add(f"{key}/{self._minute}")
            count = max(count, everywhere)
        return Counted(count, before.left)


def request_counts(redis_url: str | None) -> RequestCounts:
    """Counters of this process, shared through Redis where there is one."""
    if redis_url is None:
        return RequestCounts()
    # A third of a second that only those pay who have Redis.
    from infrastructure.rate_limiting.redis_counters import RedisCounts  # noqa: PLC0415

    return RequestCounts(RedisCounts(redis_url))
