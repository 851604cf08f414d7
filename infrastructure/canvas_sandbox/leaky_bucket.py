"""Canvas's rate limit: a leaky bucket that in effect limits the requests in flight.

Source: `app/middleware/request_throttle.rb` and `increment_bucket.lua` of canvas-lms.
"""

LEAK_UNITS_PER_SECOND = 10.0
MAX_UNITS = 800.0
RESERVED_UNITS = 50.0


class LeakyBucket:
    """The bucket of one token; each request in flight reserves 50 units.

    The leak never admits an additional parallel request, so that tests of the limit do not
    depend on milliseconds. Times are in seconds.
    """

    __slots__ = ("_count", "_high_water_mark", "_in_flight", "_last")

    def __init__(self, high_water_mark: float) -> None:
        self._high_water_mark = high_water_mark
        self._count = 0.0
        self._in_flight = 0
        self._last = 0.0

    @property
    def remaining(self) -> float:
        """The value of the header `X-Rate-Limit-Remaining`, in units."""
        return self._high_water_mark - self._count

    def reserve(self, now: float) -> bool:
        """Reserve units for a request; return False if the bucket is full with them.

        The caller must call `settle` in both cases.
        """
        self._add(RESERVED_UNITS, now)
        self._in_flight += 1
        return max(self._count, RESERVED_UNITS * self._in_flight) < self._high_water_mark

    def settle(self, cost: float, now: float) -> None:
        """End a request: replace its reserved units by its cost."""
        self._add(cost - RESERVED_UNITS, now)
        self._in_flight -= 1

    def _add(self, amount: float, now: float) -> None:
        if self._count > 0:
            self._count -= LEAK_UNITS_PER_SECOND * (now - self._last)
        self._count = max(min(self._count + amount, MAX_UNITS), 0.0)
        self._last = now
