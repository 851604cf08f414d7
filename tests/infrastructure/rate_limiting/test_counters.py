import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infrastructure.rate_limiting import counters as counters_module
from infrastructure.rate_limiting.counters import RequestCounters
from infrastructure.rate_limiting.sliding_window import WINDOW_SECONDS, SlidingWindow


class Clock:
    def __init__(self) -> None:
        self.seconds = 600.0

    def __call__(self) -> float:
        return self.seconds


async def test_each_key_is_counted_separately() -> None:
    clock = Clock()
    counters = RequestCounters(now=clock)
    assert [await counters.add("ada", 10) for _ in range(3)] == [(1, 60), (2, 60), (3, 60)]
    clock.seconds = 659.2
    assert await counters.add("bob", 10) == (1, 1)
    assert counters.local_count("ada") == (3, 1)


async def test_requests_fade_in_the_minute_after_theirs() -> None:
    clock = Clock()
    counters = RequestCounters(now=clock)
    for _ in range(10):
        await counters.add("ada", 10)
    for seconds, number in ((659.9, 10), (660.0, 10), (690.0, 5), (719.0, 0), (725.0, 0)):
        clock.seconds = seconds
        assert counters.local_count("ada").requests == number
    assert await counters.add("ada", 10) == (1, 55)


async def test_a_refused_request_is_not_counted() -> None:
    counters = RequestCounters(now=Clock())
    assert [(await counters.add("ada", 2)).requests for _ in range(5)] == [1, 2, 3, 3, 3]
    assert counters.local_count("ada").requests == 2
    assert await counters.add("ada", 2) == (3, 61)
    assert await counters.add("ada", 3) == (3, 60)


@settings(deadline=None)
@given(
    previous=st.integers(0, 10_000),
    current=st.integers(0, 10_000),
    seconds_left=st.floats(0.001, WINDOW_SECONDS),
    limit=st.integers(1, 10_000),
)
def test_a_request_is_accepted_after_the_seconds_that_a_refusal_names(
    previous: int, current: int, seconds_left: float, limit: int
) -> None:
    window = SlidingWindow(previous, min(current, limit), seconds_left)
    _, seconds = window.refusal(limit)
    assert 1 <= seconds <= 2 * WINDOW_SECONDS
    later = seconds_left - seconds
    if later < -WINDOW_SECONDS:
        return  # both windows have passed
    if later < 0:
        window = SlidingWindow(window.current, 0, WINDOW_SECONDS + later)
    else:
        window = window._replace(seconds_left=later)
    assert window.requests < limit or previous > limit


@settings(deadline=None)
@given(times=st.lists(st.floats(0, 300), max_size=60), limit=st.integers(1, 20))
def test_a_window_of_a_minute_has_little_more_than_the_limit(
    times: list[float], limit: int
) -> None:
    async def accepted_times() -> list[float]:
        clock = Clock()
        counters = RequestCounters(now=clock)
        accepted = []
        for seconds in sorted(times):
            clock.seconds = 600 + seconds
            if (await counters.add("ada", limit)).requests <= limit:
                accepted.append(seconds)
        return accepted

    accepted = asyncio.run(accepted_times())
    for start in accepted:
        within = [each for each in accepted if start <= each < start + WINDOW_SECONDS]
        assert len(within) <= 2 * limit, "twice the limit only if all came at one moment before"
    for start in range(0, 300, WINDOW_SECONDS):
        calendar_minute = [each for each in accepted if start <= each < start + WINDOW_SECONDS]
        assert len(calendar_minute) <= limit


async def test_requests_at_the_end_of_a_minute_count_at_the_start_of_the_next() -> None:
    clock = Clock()
    counters = RequestCounters(now=clock)
    clock.seconds = 659.0
    for _ in range(100):
        await counters.add("ada", 100)
    clock.seconds = 661.0
    accepted = [await counters.add("ada", 100) for _ in range(100)]
    assert sum(count.requests <= 100 for count in accepted) <= 2


async def test_counters_of_a_past_minute_use_no_memory() -> None:
    clock = Clock()
    counters = RequestCounters(now=clock)
    for nth in range(1000):
        await counters.add(str(nth), 10)
    clock.seconds += 2 * WINDOW_SECONDS
    counters.local_count("other")
    assert len(counters._current) + len(counters._previous) == 0


async def test_any_number_of_keys_uses_limited_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters_module, "MAX_COUNTED_KEYS", 10)
    counters = RequestCounters(now=Clock())
    for nth in range(25):
        await counters.add(str(nth), 10)
    assert list(counters._current) == [str(nth) for nth in range(15, 25)]


async def test_without_redis_the_status_is_empty() -> None:
    async with RequestCounters() as counters:
        assert counters.status == {}
