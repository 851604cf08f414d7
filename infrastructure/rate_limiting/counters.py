"""Counts requests per minute: in this process, and for all processes together in Redis."""

import time
from collections import Counter
from collections.abc import Callable
from math import ceil
from types import TracebackType
from typing import NamedTuple, Protocol, Self

WINDOW_SECONDS = 60

REDIS_UNAVAILABLE = "Redis is not available: each process counts on its own; check REDIS_URL"


class WindowCount(NamedTuple):
    """The requests counted in this window, and the seconds until it ends."""

    requests: int
    seconds_left: int


class SharedCounters(Protocol):
    """Counters that several processes share, and that may be unavailable.

    A Protocol, so that a process without Redis does not import its client, which takes 0.3 s.
    """

    @property
    def is_available(self) -> bool:
        """Whether the last use succeeded."""

    async def add(self, key: str) -> int:
        """Count a request and return the number in this window; 0 if unavailable."""

    async def close(self) -> None:
        """Close the connections."""


class RequestCounters:
    """Counters that restart every minute.

    Every request is counted in this process. If shared counters are configured and available,
    their number decides. A request above the limit in this process is not sent to them.
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
            await self._shared.add("check")
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
        """The health of shared counters, for the health report; empty if none are configured."""
        if self._shared is None:
            return {}
        return {"rate_limits": "ok" if self._shared.is_available else REDIS_UNAVAILABLE}

    def local_count(self, key: str) -> WindowCount:
        """Return the number of this process, without counting a request."""
        now = self._now()
        window = int(now // WINDOW_SECONDS)
        if window != self._window:
            self._window = window
            self._local.clear()
        return WindowCount(self._local[key], ceil((window + 1) * WINDOW_SECONDS - now))

    async def add(self, key: str, limit: int) -> WindowCount:
        """Count a request for a key that may have `limit` in each window."""
        local = self.local_count(key)
        count = self._local[key] = local.requests + 1
        if self._shared and self._shared.is_available and count <= limit:
            shared_count = await self._shared.add(f"{key}/{self._window}")
            count = max(count, shared_count)
        return WindowCount(count, local.seconds_left)
