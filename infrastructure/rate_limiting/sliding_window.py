"""Counts requests in a sliding window, estimated from two fixed ones (sliding window counter)."""

from math import ceil, floor
from typing import NamedTuple

WINDOW_SECONDS = 60


class WindowCount(NamedTuple):
    """The requests of the last minute, and the seconds until the count falls.

    If `requests` is above the limit, the last request is refused and was not counted;
    `seconds_left` are then the seconds until a request is accepted again.
    """

    requests: int
    seconds_left: int


class SlidingWindow(NamedTuple):
    """The requests of the previous and of the current window, which ends in `seconds_left`.

    Of the previous window the share counts that lies within the last 60 seconds. The storages of
    the library `limits` calculate in the same way.
    """

    previous: int
    current: int
    seconds_left: float

    @property
    def requests(self) -> int:
        """The estimated number of requests in the last 60 seconds."""
        return floor(self.previous * self.seconds_left / WINDOW_SECONDS) + self.current

    def acceptance(self) -> WindowCount:
        """Return the number of requests, all of them accepted."""
        return WindowCount(self.requests, ceil(self.seconds_left))

    def refusal(self, limit: int) -> WindowCount:
        """Return the count of a request that is refused because `limit` are counted already."""
        return WindowCount(limit + 1, self._seconds_until_below(limit))

    def _seconds_until_below(self, limit: int) -> int:
        if self.current < limit:
            share = (limit - self.current) / max(self.previous, 1)
            return max(1, floor(self.seconds_left - share * WINDOW_SECONDS) + 1)
        rest = WINDOW_SECONDS * (1 - limit / max(self.current, 1))
        return floor(self.seconds_left + rest) + 1
