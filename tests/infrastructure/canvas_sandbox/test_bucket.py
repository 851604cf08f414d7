"""What is in flight is limited, what is asked is not."""

import asyncio
from collections import Counter

import pytest

from infrastructure.canvas_sandbox.bucket import Bucket
from tests.infrastructure.canvas_sandbox.sandbox_client import Asker, asking, until


@pytest.mark.parametrize(("mark", "most"), [(600, 11), (700, 13)])
def test_the_bucket_holds_so_many(mark: float, most: int) -> None:
    bucket = Bucket(mark)

    assert [bucket.reserve(1.0) for _ in range(most + 1)] == [True] * most + [False]


def test_what_one_after_the_other_costs_has_leaked_away() -> None:
    bucket = Bucket(600)

    for second in range(100):
        assert bucket.reserve(float(second))
        bucket.settle(2.0, second + 0.25)

    assert bucket.remaining == 600.0


def test_it_never_holds_more_than_800_so_a_burst_clears() -> None:
    bucket = Bucket(600)

    for _ in range(30):
        bucket.reserve(1.0)
    full = bucket.remaining
    for _ in range(16):
        bucket.settle(0.0, 1.0)

    assert (full, bucket.remaining) == (-200.0, 600.0)


def test_cost_leaks_at_ten_units_a_second() -> None:
    bucket = Bucket(600)
    bucket.reserve(0.0)
    bucket.settle(150.0, 0.0)
    bucket.reserve(5.0)

    assert bucket.remaining == 600.0 - (150.0 - 50.0) - 50.0


@pytest.mark.parametrize(
    ("options", "passed", "refusal"),
    [
        ({}, 11, (403, b"403 Forbidden (Rate Limit Exceeded)\n")),
        (
            {"high_water_mark": 700, "throttle_status": 429},
            13,
            (429, b"429 Too Many Requests (Rate Limit Exceeded)\n"),
        ),
    ],
)
async def test_the_next_one_in_flight_is_refused(
    options: dict[str, int], passed: int, refusal: tuple[int, bytes]
) -> None:
    async with asking(latency_ms=300, jitter=0, **options) as ask:
        told = await asyncio.gather(*(ask("/users/self") for _ in range(20)))
        counters = ask.sandbox.control.counters()

    refused = [one for one in told if one.status != 200]
    assert len(told) - len(refused) == passed
    assert {(one.status, one.body) for one in refused} == {refusal}
    assert {one.headers["Content-Type"] for one in refused} == {"text/plain; charset=utf-8"}
    assert all(float(one.headers["X-Rate-Limit-Remaining"]) > 0 for one in refused)
    assert not any("X-Request-Cost" in one.headers for one in refused)
    assert not any("Retry-After" in one.headers for one in refused)
    assert counters["refused"] == len(refused)
    assert list(counters["max_in_flight"].values()) == [20]


async def test_buckets_are_per_token() -> None:
    async with asking(latency_ms=300, jitter=0) as ask:
        told = await asyncio.gather(
            *(ask("/users/self", student=number % 2) for number in range(22))
        )

    assert Counter(one.status for one in told) == {200: 22}


async def test_in_parallel_less_remains_and_it_comes_back() -> None:
    async with asking(latency_ms=60, jitter=0) as ask:
        told = await asyncio.gather(*(ask("/users/self") for _ in range(8)))
        after = await ask("/users/self")

    remaining = [float(one.headers["X-Rate-Limit-Remaining"]) for one in told]
    assert min(remaining) < 300
    assert after.headers["X-Rate-Limit-Remaining"] == "600.0"
    assert 0 < float(after.headers["X-Request-Cost"]) < 0.3


async def test_a_request_that_is_given_up_lets_go(ask: Asker) -> None:
    control = ask.sandbox.control
    control.inject("hang", times=11)
    hanging = [asyncio.create_task(ask("/users/self")) for _ in range(11)]
    await until(lambda: control.counters()["in_flight"] == 11)
    assert (await ask("/users/self")).status == 403

    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)

    await until(lambda: not control.counters()["in_flight"])
    assert (await ask("/users/self")).status == 200
