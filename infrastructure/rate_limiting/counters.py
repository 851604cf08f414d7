"""Counts requests per minute: in this process, and for all processes together in Redis."""

import time
from collections import OrderedDict
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from infrastructure.rate_limiting.sliding_window import (
    WINDOW_SECONDS,
    SlidingWindow,
    WindowCount,
)

MAX_COUNTED_KEYS = 100_000
"""Users, addresses and calendars that a process counts in one window, in about 20 MB."""

REDIS_UNAVAILABLE = "Redis is not available: each process counts on its own; check REDIS_URL"


class SharedCounters(Protocol):
    """Counters that several processes share, and that may be unavailable.

    A Protocol, so that a process without Redis does not import its client, which takes 0.3 s.
    """

    @property
    def is_available(self) -> bool:
        """Whether the last use succeeded."""

    async def add(self, key: str, limit: int) -> WindowCount | None:
        """Count a request for a key that may have `limit` in a minute; None if unavailable."""

    async def close(self) -> None:
        """Close the connections."""


class RequestCounters:
    """Counters of the last minute, a sliding window; a refused request is not counted.

    Every request is counted in this process. If shared counters are configured and available,
    their number decides. A request above the limit in this process is not sent to them.
    """

    def __init__(
        self, shared: SharedCounters | None = None, *, now: Callable[[], float] = time.time
    ) -> None:
        self._now = now
        self._window = 0
        self._previous: OrderedDict[str, int] = OrderedDict()
        self._current: OrderedDict[str, int] = OrderedDict()
        self._shared = shared

    async def __aenter__(self) -> Self:
        if self._shared:
            await self._shared.add("check", 1)
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
        return self._window_of(key).acceptance()

    async def add(self, key: str, limit: int) -> WindowCount:
        """Count a request for a key that may have `limit` in a minute, unless it is above that."""
        window = self._window_of(key)
        if window.requests >= limit:
            return window.refusal(limit)
        counted = SlidingWindow(window.previous, window.current + 1, window.seconds_left)
        self._store(key, counted.current)
        count = counted.acceptance()
        if self._shared and self._shared.is_available:
            shared_count = await self._shared.add(key, limit)
            return max(count, shared_count or count)
        return count

    def _window_of(self, key: str) -> SlidingWindow:
        now = self._now()
        window = int(now // WINDOW_SECONDS)
        if window != self._window:
            follows = window == self._window + 1
            self._previous = self._current if follows else OrderedDict()
            self._current = OrderedDict()
            self._window = window
        return SlidingWindow(
            self._previous.get(key, 0),
            self._current.get(key, 0),
            (window + 1) * WINDOW_SECONDS - now,
        )

    def _store(self, key: str, number: int) -> None:
        self._current[key] = number
        if len(self._current) > MAX_COUNTED_KEYS:
            self._current.popitem(last=False)
