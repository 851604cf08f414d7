from infrastructure.rate_limiting.counters import RequestCounters


class Clock:
    def __init__(self) -> None:
        self.seconds = 600.0

    def __call__(self) -> float:
        return self.seconds


async def test_each_key_is_counted_separately_for_one_minute() -> None:
    clock = Clock()
    counters = RequestCounters(now=clock)
    assert [await counters.add("ada", 10) for _ in range(3)] == [(1, 60), (2, 60), (3, 60)]
    clock.seconds = 659.2
    assert await counters.add("bob", 10) == (1, 1)
    assert counters.local_count("ada") == (3, 1)
    clock.seconds = 660.0
    assert await counters.add("ada", 10) == (1, 60)


async def test_counters_of_a_past_minute_use_no_memory() -> None:
    clock = Clock()
    counters = RequestCounters(now=clock)
    for nth in range(1000):
        await counters.add(str(nth), 10)
    clock.seconds += 60
    counters.local_count("other")
    assert len(counters._local) == 0


async def test_without_redis_the_status_is_empty() -> None:
    async with RequestCounters() as counters:
        assert counters.status == {}
