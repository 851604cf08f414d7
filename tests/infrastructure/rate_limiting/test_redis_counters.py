import asyncio
import time

import pytest
from structlog.testing import capture_logs

from infrastructure.rate_limiting import redis_counters
from infrastructure.rate_limiting.counters import RequestCounts, request_counts
from tests.infrastructure.rate_limiting.redis_server import RedisServer

LOST, BACK = "rate_limits_counted_by_each_process", "rate_limits_shared_again"
SHARED = {"rate_limits": "ok"}
LOCAL = {"rate_limits": "no Redis: counted by each process"}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_counters, "AGAIN", 0.05)


async def times(counts: RequestCounts) -> int:
    return (await counts.add("sync/ada", 100)).times


async def until_shared(counts: RequestCounts) -> None:
    async with asyncio.timeout(10):
        while counts.standing != SHARED:  # noqa: ASYNC110  # a task of its own looks out
            await asyncio.sleep(0.01)


async def test_two_processes_count_together(redis: RedisServer) -> None:
    async with request_counts(redis.url) as one, request_counts(redis.url) as other:
        assert [await times(one), await times(other), await times(one)] == [1, 2, 3]
        assert one.standing == SHARED


async def test_what_is_over_the_limit_here_asks_nobody(redis: RedisServer) -> None:
    async with request_counts(redis.url) as counts:
        assert [(await counts.add("x", 2)).times for _ in range(4)] == [1, 2, 3, 4]
        async with request_counts(redis.url) as other:
            assert (await other.add("x", 100)).times == 3, "two of the four were told"


async def test_a_redis_that_is_gone_is_missed_once_and_found_again(redis: RedisServer) -> None:
    with capture_logs() as logs:
        async with request_counts(redis.url) as counts:
            assert await times(counts) == 1
            redis.kill()
            assert [await times(counts) for _ in range(50)] == list(range(2, 52))
            assert counts.standing == LOCAL
            redis.start()
            await until_shared(counts)
            assert await times(counts) == 52, "what was counted here goes on counting here"
    assert [log["event"] for log in logs] == [LOST, BACK]


async def test_nobody_waits_twice_for_a_redis_that_hangs(redis: RedisServer) -> None:
    async with request_counts(redis.url) as counts:
        await times(counts)
        redis.freeze()
        began = time.monotonic()
        await asyncio.gather(*(times(counts) for _ in range(20)))
        first = time.monotonic() - began
        assert redis_counters.PATIENCE <= first < 20 * redis_counters.PATIENCE, (
            "together, not in turn"
        )
        began = time.monotonic()
        for _ in range(100):
            await times(counts)
        assert time.monotonic() - began < 10 * redis_counters.PATIENCE, "nor after that"
        redis.thaw()
        await until_shared(counts)


async def test_one_may_begin_without_redis(redis: RedisServer) -> None:
    redis.kill()
    async with request_counts(redis.url) as counts:
        assert counts.standing == LOCAL
        assert await times(counts) == 1
        redis.start()
        await until_shared(counts)


async def test_a_redis_that_refuses_is_as_good_as_none(redis: RedisServer) -> None:
    url = redis.url.replace("unix://", "unix://nobody:wrong@")
    with capture_logs() as logs:
        async with request_counts(url) as counts:
            assert await times(counts) == 1
            assert counts.standing == LOCAL
    assert [log["event"] for log in logs] == [LOST]
