from hypothesis import given, settings
from hypothesis import strategies as st

from infrastructure.rate_limiting.token_bucket import TokenBucket


class SteppedClock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_burst_is_permitted_and_then_one_at_a_time() -> None:
    clock = SteppedClock()
    bucket = TokenBucket(3, 10.0, now=clock)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    assert bucket.seconds_until_next == 10
    clock.seconds += 10
    assert bucket.seconds_until_next == 0
    assert [bucket.take() for _ in range(2)] == [True, False]


@settings(deadline=None)
@given(steps=st.lists(st.floats(0, 30), max_size=60), capacity=st.integers(1, 5))
def test_no_time_has_more_permits_than_burst_and_rate(steps: list[float], capacity: int) -> None:
    clock = SteppedClock()
    bucket = TokenBucket(capacity, 10.0, now=clock)
    taken = 0
    for step in steps:
        clock.seconds += step
        taken += bucket.take()
        assert taken <= capacity + clock.seconds / 10 + 1e-6
