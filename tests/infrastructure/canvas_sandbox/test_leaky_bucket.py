"""Tests of the rate limit: it limits the requests in flight, not their number."""

import asyncio
from collections import Counter

import pytest

from infrastructure.canvas_sandbox.leaky_bucket import LeakyBucket
from tests.infrastructure.canvas_sandbox.sandbox_client import (
    SandboxClient,
    open_sandbox_client,
    wait_until,
)


@pytest.mark.parametrize(("high_water_mark", "max_requests"), [(600, 11), (700, 13)])
def test_the_bucket_admits_a_fixed_number_of_requests(
    high_water_mark: float, max_requests: int
) -> None:
    bucket = LeakyBucket(high_water_mark)

    assert [bucket.reserve(1.0) for _ in range(max_requests + 1)] == [True] * max_requests + [False]


def test_sequential_requests_leak_away_completely() -> None:
    bucket = LeakyBucket(600)

    for second in range(100):
        assert bucket.reserve(float(second))
        bucket.settle(2.0, second + 0.25)

    assert bucket.remaining == 600.0


def test_the_bucket_is_capped_at_800_units() -> None:
    bucket = LeakyBucket(600)

    for _ in range(30):
        bucket.reserve(1.0)
    full = bucket.remaining
    for _ in range(16):
        bucket.settle(0.0, 1.0)

    assert (full, bucket.remaining) == (-200.0, 600.0)


def test_cost_leaks_at_ten_units_a_second() -> None:
    bucket = LeakyBucket(600)
    bucket.reserve(0.0)
    bucket.settle(150.0, 0.0)
    bucket.reserve(5.0)

    assert bucket.remaining == 600.0 - (150.0 - 50.0) - 50.0


@pytest.mark.parametrize(
    ("options", "admitted", "rejection"),
    [
        ({}, 11, (403, b"403 Forbidden (Rate Limit Exceeded)\n")),
        (
            {"high_water_mark": 700, "throttle_status": 429},
            13,
            (429, b"429 Too Many Requests (Rate Limit Exceeded)\n"),
        ),
    ],
)
async def test_one_request_too_many_in_flight_is_rejected(
    options: dict[str, int], admitted: int, rejection: tuple[int, bytes]
) -> None:
    async with open_sandbox_client(latency_ms=300, jitter=0, **options) as client:
        responses = await asyncio.gather(*(client("/users/self") for _ in range(20)))
        counters = client.sandbox.control.counters()

    rejected = [response for response in responses if response.status != 200]
    assert len(responses) - len(rejected) == admitted
    assert {(response.status, response.body) for response in rejected} == {rejection}
    assert {response.headers["Content-Type"] for response in rejected} == {
        "text/plain; charset=utf-8"
    }
    assert all(float(response.headers["X-Rate-Limit-Remaining"]) > 0 for response in rejected)
    assert not any("X-Request-Cost" in response.headers for response in rejected)
    assert not any("Retry-After" in response.headers for response in rejected)
    assert counters["refused"] == len(rejected)
    assert list(counters["max_in_flight"].values()) == [20]


async def test_buckets_are_per_token() -> None:
    async with open_sandbox_client(latency_ms=300, jitter=0) as client:
        responses = await asyncio.gather(
            *(client("/users/self", student=number % 2) for number in range(22))
        )

    assert Counter(response.status for response in responses) == {200: 22}


async def test_parallel_requests_lower_the_remaining_units_temporarily() -> None:
    async with open_sandbox_client(latency_ms=60, jitter=0) as client:
        responses = await asyncio.gather(*(client("/users/self") for _ in range(8)))
        after = await client("/users/self")

    remaining = [float(response.headers["X-Rate-Limit-Remaining"]) for response in responses]
    assert min(remaining) < 300
    assert after.headers["X-Rate-Limit-Remaining"] == "600.0"
    assert 0 < float(after.headers["X-Request-Cost"]) < 0.3


async def test_a_cancelled_request_returns_its_units(client: SandboxClient) -> None:
    control = client.sandbox.control
    control.inject("hang", times=11)
    hanging = [asyncio.create_task(client("/users/self")) for _ in range(11)]
    await wait_until(lambda: control.counters()["in_flight"] == 11)
    assert (await client("/users/self")).status == 403

    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)

    await wait_until(lambda: not control.counters()["in_flight"])
    assert (await client("/users/self")).status == 200
