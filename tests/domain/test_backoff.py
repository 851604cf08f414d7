"""Delays double, have a maximum, and stay within the bounds of the jitter."""

from hypothesis import given as for_any
from hypothesis import strategies as st

from domain.backoff import Backoff

ATTEMPTS = st.integers(min_value=1, max_value=10**6)
RANDOM_VALUES = st.floats(min_value=0, max_value=1, exclude_max=True)


def test_the_delay_doubles_up_to_the_maximum() -> None:
    backoff = Backoff(first_seconds=10, max_seconds=300)
    delays = [backoff.max_delay_seconds(attempt) for attempt in range(1, 8)]
    assert delays == [10, 20, 40, 80, 160, 300, 300]


def test_without_jitter_the_random_value_does_not_matter() -> None:
    assert Backoff(1, 60).delay_seconds(3, 0.0) == Backoff(1, 60).delay_seconds(3, 0.9) == 4


@for_any(attempt=ATTEMPTS, random_value=RANDOM_VALUES)
def test_jitter_stays_within_its_bounds(attempt: int, random_value: float) -> None:
    backoff = Backoff(first_seconds=1, max_seconds=60, min_jitter=0.5, max_jitter=1.5)
    longest = backoff.max_delay_seconds(attempt)
    assert 1 <= longest <= 60
    assert 0.5 * longest <= backoff.delay_seconds(attempt, random_value) <= 1.5 * longest


@for_any(attempt=ATTEMPTS)
def test_the_delay_never_shrinks_from_attempt_to_attempt(attempt: int) -> None:
    backoff = Backoff(first_seconds=0.1, max_seconds=1e9)
    assert backoff.max_delay_seconds(attempt) <= backoff.max_delay_seconds(attempt + 1)
