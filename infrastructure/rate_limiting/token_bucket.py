"""A token bucket: permits a burst, and then something at a constant rate."""

import time
from collections.abc import Callable


class TokenBucket:
    """Holds up to `capacity` permits, and gains one every `refill_seconds`.

    `now` returns seconds of a monotonic clock.
    """

    def __init__(
        self, capacity: int, refill_seconds: float, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._capacity = capacity
        self._refill_seconds = refill_seconds
        self._now = now
        self._permits = float(capacity)
        self._filled_at = now()

    def take(self) -> bool:
        """Take one permit; return whether there was one."""
        self._refill()
        if self._permits < 1:
            return False
        self._permits -= 1
        return True

    @property
    def seconds_until_next(self) -> float:
        """The seconds until there is a permit; 0 if there is one."""
        self._refill()
        return max(0.0, (1 - self._permits) * self._refill_seconds)

    def _refill(self) -> None:
        now = self._now()
        gained = (now - self._filled_at) / self._refill_seconds
        self._permits = min(float(self._capacity), self._permits + gained)
        self._filled_at = now
