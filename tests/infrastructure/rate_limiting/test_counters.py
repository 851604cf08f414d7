from infrastructure.rate_limiting.counters import RequestCounts, request_counts


class Clock:
    def __init__(self) -> None:
        self.seconds = 600.0

    def __call__(self) -> float:
        return self.seconds


async def test_everybody_is_counted_apart_until_the_minute_is_over() -> None:
    clock = Clock()
    counts = RequestCounts(now=clock)
    assert [await counts.add("ada", 10) for _ in range(3)] == [(1, 60), (2, 60), (3, 60)]
    clock.seconds = 659.2
    assert await counts.add("bob", 10) == (1, 1)
    assert counts.seen("ada") == (3, 1)
    clock.seconds = 660.0
    assert await counts.add("ada", 10) == (1, 60)


async def test_a_minute_that_is_over_takes_no_memory() -> None:
    clock = Clock()
    counts = RequestCounts(now=clock)
    for nth in range(1000):
        await counts.add(str(nth), 10)
    clock.seconds += 60
    counts.seen("nobody")
    assert len(counts._here) == 0


async def test_without_redis_there_is_nothing_to_say() -> None:
    async with request_counts(None) as counts:
        assert counts.standing == {}
