"""Exponential back-off: how long to wait before each further attempt."""

from typing import NamedTuple

MAX_DOUBLINGS = 64
"""A higher power of two would overflow a float after a thousand attempts."""


class Backoff(NamedTuple):
    """A delay that doubles with each attempt up to a maximum.

    Jitter multiplies the delay by a random factor, so that many callers do not retry together.
    """

    first_seconds: float
    max_seconds: float
    min_jitter: float = 1.0
    max_jitter: float = 1.0

    def max_delay_seconds(self, attempt: int) -> float:
        """The delay without jitter after an attempt; the first attempt is 1."""
        doublings = min(attempt - 1, MAX_DOUBLINGS)
        return min(self.max_seconds, self.first_seconds * 2.0**doublings)

    def delay_seconds(self, attempt: int, random_value: float) -> float:
        """The delay with jitter; `random_value` is in [0, 1)."""
        jitter = self.min_jitter + (self.max_jitter - self.min_jitter) * random_value
        return self.max_delay_seconds(attempt) * jitter
