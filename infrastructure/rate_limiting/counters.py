"""Counts requests by the minute: in this process, and together with the others through Redis."""

import time
from collections import Counter
from collections.abc import Callable
from math import ceil
from types import TracebackType
from typing import NamedTuple, Protocol, Self

WINDOW_SECONDS = 60


class WindowCount(NamedTuple):
    """How often in this minute, and the seconds that are left of it."""

    requests: int
    seconds_left: int


class SharedCounters(Protocol):
    """Counters that several processes share, and that may be lost."""

    @property
    def is_available(self) -> bool:
        """Whether they answered the last time."""

    async def add(self, key: str) -> int:
        """Count one more; 0 when they do not answer."""

    async def close(self) -> None:
        """Let go."""


class RequestCounters:
    """Counters that start over every minute.

    Every request is counted here; where Redis is configured and reached, its count decides. What
    is over the limit here already costs no question to Redis.
    """

    def __init__(
        self, shared: SharedCounters | None = None, *, now: Callable[[], float] = time.time
    ) -> None:
        self._now = now
        self._window = 0
        self._local: Counter[str] = Counter()
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
    def status(self) -> dict[str, str]:
        """How the counters do that are shared, if any are; we count without them all the same."""
        if self._shared is None:
            return {}
        is_available = self._shared.is_available
        return {"rate_limits": "ok" if is_available else "no Redis: counted by each process"}

    def local_count(self, key: str) -> WindowCount:
        """How many were counted here; asks nobody else."""
        now = self._now()
        window = int(now // WINDOW_SECONDS)
        if window != self._window:
            self._window = window
            self._local.clear()
        return WindowCount(self._local[key], ceil((window + 1) * WINDOW_SECONDS - now))

    async def add(self, key: str, limit: int) -> WindowCount:
        """Count one more of those of whom there may be so many."""
        local = self.local_count(key)
        count = self._local[key] = local.requests + 1
        if self._shared and self._shared.is_available and count <= limit:
            shared_count = await self._shared.add(f"{key}/{self._window}")
            count = max(count, shared_count)
        return WindowCount(count, local.seconds_left)


def new_request_counters(redis_url: str | None) -> RequestCounters:
    """Counters of this process, shared through Redis where there is one."""
    if redis_url is None:
        return RequestCounters()
    # A third of a second that only those pay who have Redis.
    from infrastructure.rate_limiting.redis_counters import RedisCounters  # noqa: PLC0415

    return RequestCounters(RedisCounters(redis_url))
