import asyncio
import gc
from contextlib import AsyncExitStack

import pytest
from aiohttp import web

from infrastructure.canvas.throttle import Throttle, Throttles
from tests.infrastructure.canvas.fake_servers import TOKEN, Student, client_of, serving
from tests.infrastructure.canvas.leaky_bucket import LeakyBucket
from tests.infrastructure.canvas.rows import assignment_row, course_row, group_row


async def in_flight(throttle: Throttle, many: int) -> list[int]:
    async with AsyncExitStack() as stack:
        return [await stack.enter_async_context(throttle.slot()) for _ in range(many)]


async def test_a_burst_of_refusals_halves_once() -> None:
    throttle = Throttle(8)
    for era in await in_flight(throttle, 8):
        throttle.refused(era)
    assert throttle.limit == 4


async def test_refusals_go_on_halving_down_to_one() -> None:
    throttle = Throttle(8)
    for _ in range(6):
        [era] = await in_flight(throttle, 1)
        throttle.refused(era)
    assert throttle.limit == 1


async def test_calm_grows_it_back_slowly_and_never_past_the_most() -> None:
    throttle = Throttle(8)
    [era] = await in_flight(throttle, 1)
    throttle.refused(era)
    grown = []
    for _ in range(100):
        [era] = await in_flight(throttle, 1)
        throttle.answered(era, 600.0)
        grown.append(throttle.limit)
    assert grown.index(5) == 7
    assert grown.index(8) > 30
    assert max(grown) == 8


async def test_an_almost_empty_bucket_slows_it_down_but_our_own_reserve_does_not() -> None:
    throttle = Throttle(8)
    async with AsyncExitStack() as stack:
        eras = [await stack.enter_async_context(throttle.slot()) for _ in range(8)]
        throttle.answered(eras[0], 100.0)
        assert throttle.limit == 8
    [era] = await in_flight(throttle, 1)
    throttle.answered(era, 100.0)
    throttle.answered(era, 100.0)
    assert throttle.limit == 7


async def test_a_turn_given_up_while_waiting_is_nobodys_loss() -> None:
    throttle = Throttle(1)
    async with throttle.slot():
        waiting = [asyncio.ensure_future(in_flight(throttle, 1)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
    waiting[1].cancel()
    assert await asyncio.wait_for(waiting[2], 5) == [0]
    assert throttle._in_flight == 0
    await asyncio.wait_for(in_flight(throttle, 1), 5)


async def test_a_token_has_one_throttle_while_it_is_used_and_is_not_kept() -> None:
    throttles = Throttles(8)
    mine = throttles.of("https://a.example", TOKEN)
    assert throttles.of("https://a.example", TOKEN) is mine
    assert throttles.of("https://b.example", TOKEN) is not mine
    assert throttles.of("https://a.example", "other") is not mine
    assert TOKEN.encode() not in b"".join(throttles._by_token)
    del mine
    gc.collect()
    assert not throttles._by_token


def student_with(many: int) -> Student:
    ids = [str(n) for n in range(1, many + 1)]
    return Student(
        [course_row(id_) for id_ in ids],
        {id_: [group_row("11", assignment_row(f"{id_}01"))] for id_ in ids},
    )


async def read_all(bucket: LeakyBucket) -> tuple[int, int]:
    """Reads an account through a bucket; gives the courses read and the requests repeated."""
    async with (
        serving(bucket) as origin,
        client_of(origin) as canvas,
        canvas.account(origin, TOKEN) as account,
    ):
        courses = await account.courses()
        seen = [seen async for seen in account.sightings(courses) if not seen.failure]
        return len(seen), account.requests["retried"]


async def test_alone_in_the_usual_bucket_nothing_is_ever_refused() -> None:
    bucket = LeakyBucket(student_with(40))
    assert await read_all(bucket) == (40, 0)
    assert bucket.refused == 0


@pytest.mark.parametrize("as_429", [True, False])
async def test_a_smaller_bucket_is_read_to_the_end_and_hardly_knocked_at(as_429: bool) -> None:  # noqa: FBT001  # a case of the table
    student = student_with(60)
    held = 0
    moved = asyncio.Condition()

    async def patient(request: web.Request) -> web.StreamResponse:
        nonlocal held
        async with moved:
            held += 1
            moved.notify_all()
            for _ in range(5):
                await asyncio.sleep(0)
            held -= 1
        return await student(request)

    bucket = LeakyBucket(patient, mark=200, as_429=as_429)
    seen, repeated = await read_all(bucket)
    assert seen == 60
    assert bucket.answered == 61
    assert repeated == bucket.refused
    assert 0 < bucket.refused < 60
