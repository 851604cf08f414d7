import asyncio
import gc
from contextlib import AsyncExitStack

import pytest
from aiohttp import web

from infrastructure.canvas.throttle import Throttle, ThrottleRegistry
from tests.deadlines import scaled
from tests.infrastructure.canvas.fake_servers import (
    TOKEN,
    FakeCanvasServer,
    open_client,
    serve_handler,
)
from tests.infrastructure.canvas.leaky_bucket import ThrottlingHandler
from tests.infrastructure.canvas.rows import assignment_row, course_row, group_row


async def acquire_slots(throttle: Throttle, count: int) -> list[int]:
    async with AsyncExitStack() as stack:
        return [await stack.enter_async_context(throttle.slot()) for _ in range(count)]


async def test_a_burst_of_throttled_responses_halves_the_limit_once() -> None:
    throttle = Throttle(8)
    for generation in await acquire_slots(throttle, 8):
        throttle.record_throttled(generation)
    assert throttle.limit == 4


async def test_repeated_throttling_halves_the_limit_down_to_one() -> None:
    throttle = Throttle(8)
    for _ in range(6):
        [generation] = await acquire_slots(throttle, 1)
        throttle.record_throttled(generation)
    assert throttle.limit == 1


async def test_successes_raise_the_limit_slowly_up_to_the_maximum() -> None:
    throttle = Throttle(8)
    [generation] = await acquire_slots(throttle, 1)
    throttle.record_throttled(generation)
    limits = []
    for _ in range(100):
        [generation] = await acquire_slots(throttle, 1)
        throttle.record_response(generation, 600.0)
        limits.append(throttle.limit)
    assert limits.index(5) == 7
    assert limits.index(8) > 30
    assert max(limits) == 8


async def test_a_low_remaining_budget_lowers_the_limit_unless_it_is_our_own_reserve() -> None:
    throttle = Throttle(8)
    async with AsyncExitStack() as stack:
        generations = [await stack.enter_async_context(throttle.slot()) for _ in range(8)]
        throttle.record_response(generations[0], 100.0)
        assert throttle.limit == 8
    [generation] = await acquire_slots(throttle, 1)
    throttle.record_response(generation, 100.0)
    throttle.record_response(generation, 100.0)
    assert throttle.limit == 7


async def test_a_cancelled_waiter_does_not_lose_a_slot() -> None:
    throttle = Throttle(1)
    async with throttle.slot():
        waiting = [asyncio.ensure_future(acquire_slots(throttle, 1)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
    waiting[1].cancel()
    assert await asyncio.wait_for(waiting[2], scaled(5)) == [0]
    assert throttle._in_flight == 0
    await asyncio.wait_for(acquire_slots(throttle, 1), scaled(5))


async def test_a_throttle_is_shared_per_token_and_dropped_when_unused() -> None:
    registry = ThrottleRegistry(8)
    throttle = registry.for_token("https://a.example", TOKEN)
    assert registry.for_token("https://a.example", TOKEN) is throttle
    assert registry.for_token("https://b.example", TOKEN) is not throttle
    assert registry.for_token("https://a.example", "other") is not throttle
    assert TOKEN.encode() not in b"".join(registry._by_token)
    del throttle
    gc.collect()
    assert not registry._by_token


def canvas_with_courses(count: int) -> FakeCanvasServer:
    ids = [str(n) for n in range(1, count + 1)]
    return FakeCanvasServer(
        [course_row(id_) for id_ in ids],
        {id_: [group_row("11", assignment_row(f"{id_}01"))] for id_ in ids},
    )


async def read_account(bucket: ThrottlingHandler) -> tuple[int, int]:
    """Read an account through a bucket; return the number of courses read and of retries."""
    async with (
        serve_handler(bucket) as origin,
        open_client(origin) as canvas,
        canvas.open_account(origin, TOKEN) as account,
    ):
        courses = (await account.list_courses()).courses
        fetched = [
            fetched async for fetched in account.fetch_courses(courses, {}) if not fetched.failure
        ]
        return len(fetched), account.requests["retried"]


async def test_one_client_is_never_throttled_in_the_default_bucket() -> None:
    bucket = ThrottlingHandler(canvas_with_courses(40))
    assert await read_account(bucket) == (40, 0)
    assert bucket.throttled_count == 0


@pytest.mark.parametrize("as_429", [True, False])
async def test_a_smaller_bucket_causes_few_throttled_requests(as_429: bool) -> None:  # noqa: FBT001  # a test parameter
    server = canvas_with_courses(60)
    in_flight = 0
    changed = asyncio.Condition()

    async def respond_slowly(request: web.Request) -> web.StreamResponse:
        nonlocal in_flight
        async with changed:
            in_flight += 1
            changed.notify_all()
            for _ in range(5):
                await asyncio.sleep(0)
            in_flight -= 1
        return await server(request)

    bucket = ThrottlingHandler(respond_slowly, high_water_mark=200, as_429=as_429)
    fetched, retried = await read_account(bucket)
    assert fetched == 60
    assert bucket.passed_count == 61
    assert retried == bucket.throttled_count
    assert 0 < bucket.throttled_count < 60
