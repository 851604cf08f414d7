import asyncio
import time

import pytest
from structlog.testing import capture_logs

from infrastructure.rate_limiting import redis_counters
from infrastructure.rate_limiting.counters import RequestCounters
from infrastructure.rate_limiting.redis_counters import RedisCounters
from infrastructure.rate_limiting.sliding_window import WINDOW_SECONDS
from tests.deadlines import scaled
from tests.infrastructure.rate_limiting.redis_server import RedisServer

pytestmark = pytest.mark.process

REDIS_LOST, REDIS_BACK = "rate_limits_counted_by_each_process", "rate_limits_shared_again"
SHARED = {"rate_limits": "ok"}
LOCAL = {"rate_limits": "Redis is not available: each process counts on its own; check REDIS_URL"}


@pytest.fixture(autouse=True)
def _short_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_counters, "REDIS_RETRY_SECONDS", 0.05)


def shared_counters(url: str) -> RequestCounters:
    return RequestCounters(RedisCounters(url))


async def count_request(counters: RequestCounters) -> int:
    return (await counters.add("sync/ada", 100)).requests


async def wait_until_shared(counters: RequestCounters) -> None:
    async with asyncio.timeout(scaled(10)):
        while counters.status != SHARED:  # noqa: ASYNC110  # a background task changes it
            await asyncio.sleep(0.01)


async def test_two_processes_count_together(redis: RedisServer) -> None:
    async with shared_counters(redis.url) as one, shared_counters(redis.url) as other:
        assert [await count_request(one), await count_request(other), await count_request(one)] == [
            1,
            2,
            3,
        ]
        assert one.status == SHARED


async def test_requests_over_the_local_limit_do_not_query_redis(redis: RedisServer) -> None:
    async with shared_counters(redis.url) as counters:
        assert [(await counters.add("x", 2)).requests for _ in range(4)] == [1, 2, 3, 3]
        async with shared_counters(redis.url) as other:
            assert (await other.add("x", 100)).requests == 3, (
                "only two of the four requests were sent to Redis"
            )


async def test_a_request_that_redis_refuses_is_not_counted_there(redis: RedisServer) -> None:
    async with shared_counters(redis.url) as one, shared_counters(redis.url) as other:
        assert [(await one.add("x", 2)).requests for _ in range(2)] == [1, 2]
        for _ in range(2):
            refused = await other.add("x", 2)
            assert refused.requests == 3
            assert 1 <= refused.seconds_left <= 2 * WINDOW_SECONDS
        assert (await other.add("x", 5)).requests == 3


async def test_a_lost_redis_is_logged_once_and_used_again_when_back(redis: RedisServer) -> None:
    with capture_logs() as logs:
        async with shared_counters(redis.url) as counters:
            assert await count_request(counters) == 1
            redis.kill()
            assert [await count_request(counters) for _ in range(50)] == list(range(2, 52))
            assert counters.status == LOCAL
            redis.start()
            await wait_until_shared(counters)
            assert await count_request(counters) == 52, (
                "the number of this process is kept during the outage"
            )
    assert [log["event"] for log in logs] == [REDIS_LOST, REDIS_BACK]


async def test_a_hanging_redis_delays_requests_only_once(redis: RedisServer) -> None:
    async with shared_counters(redis.url) as counters:
        await count_request(counters)
        redis.pause()
        started = time.monotonic()
        await asyncio.gather(*(count_request(counters) for _ in range(20)))
        first = time.monotonic() - started
        assert (
            redis_counters.REDIS_TIMEOUT_SECONDS
            <= first
            < 20 * redis_counters.REDIS_TIMEOUT_SECONDS
        ), "all wait at the same time, not one after the other"
        started = time.monotonic()
        for _ in range(100):
            await count_request(counters)
        assert time.monotonic() - started < 10 * redis_counters.REDIS_TIMEOUT_SECONDS, (
            "later requests do not wait"
        )
        redis.resume()
        await wait_until_shared(counters)


async def test_a_process_can_start_without_redis(redis: RedisServer) -> None:
    redis.kill()
    async with shared_counters(redis.url) as counters:
        assert counters.status == LOCAL
        assert await count_request(counters) == 1
        redis.start()
        await wait_until_shared(counters)


async def test_a_redis_that_refuses_the_login_counts_as_unavailable(redis: RedisServer) -> None:
    url = redis.url.replace("unix://", "unix://user:wrong@")
    with capture_logs() as logs:
        async with shared_counters(url) as counters:
            assert await count_request(counters) == 1
            assert counters.status == LOCAL
    assert [log["event"] for log in logs] == [REDIS_LOST]


async def test_what_is_wrong_with_a_redis_is_described(redis: RedisServer) -> None:
    check = redis_counters.check_redis
    assert await check(redis.url) is None
    refused = redis.url.replace("unix://", "unix://user:wrong@")
    assert await check(refused) == "it refuses the user name or the password"
    no_database = await check(f"{redis.url}?db=99")
    assert no_database == "it refuses the command INFO, or has no database of this number"
    redis.kill()
    assert await check(redis.url) == "it cannot be reached"
