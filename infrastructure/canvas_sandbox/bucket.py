"""Canvas's leaky bucket: it limits how much is in flight, hardly how much is asked.

As in `app/middleware/request_throttle.rb` and `increment_bucket.lua` of canvas-lms.
"""

OUTFLOW = 10.0
MAXIMUM = 800.0
UP_FRONT = 50.0


class Bucket:
    """One token's bucket; every request in flight holds 50 units of it.

    What leaks away while requests are in flight makes no room for one more of them,
    so that the edge does not depend on milliseconds.
    """

    __slots__ = ("_count", "_high_water_mark", "_in_flight", "_last")

    def __init__(self, high_water_mark: float) -> None:
        self._high_water_mark = high_water_mark
        self._count = 0.0
        self._in_flight = 0
        self._last = 0.0

    @property
    def remaining(self) -> float:
        """What `X-Rate-Limit-Remaining` says."""
        return self._high_water_mark - self._count

    def reserve(self, now: float) -> bool:
        """Take a request in; False when the bucket is full, its own 50 counted."""
        self._add(UP_FRONT, now)
        self._in_flight += 1
        return max(self._count, UP_FRONT * self._in_flight) < self._high_water_mark

    def settle(self, cost: float, now: float) -> None:
        """Let a request go: what it held is exchanged for what it cost."""
        self._add(cost - UP_FRONT, now)
        self._in_flight -= 1

    def _add(self, amount: float, now: float) -> None:
        if self._count > 0:
            self._count -= OUTFLOW * (now - self._last)
        self._count = max(min(self._count + amount, MAXIMUM), 0.0)
        self._last = now
