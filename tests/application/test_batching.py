"""Reading ahead while busy: nothing lost, nothing hoarded, nothing left running."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from application.batching import take_together


async def counting(upto: int, given: list[int]) -> AsyncIterator[int]:
    for nth in range(upto):
        given.append(nth)
        yield nth


async def test_everything_is_taken_once_in_order() -> None:
    taken: list[int] = []

    async def take(batch: list[int]) -> None:
        await asyncio.sleep(0)
        taken.extend(batch)

    await take_together(counting(100, []), take, most=8)
    assert taken == list(range(100))


async def test_no_more_is_read_ahead_than_allowed() -> None:
    given: list[int] = []
    busy = asyncio.Event()

    async def take(batch: list[int]) -> None:
        assert batch
        await busy.wait()

    taking = asyncio.create_task(take_together(counting(100, given), take, most=8))
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(given) <= 8 + 2
    busy.set()
    await taking
    assert len(given) == 100


async def test_a_fault_of_the_source_arrives_after_what_came_before() -> None:
    taken: list[int] = []

    async def breaking() -> AsyncIterator[int]:
        yield 1
        raise EOFError

    async def take(batch: list[int]) -> None:
        taken.extend(batch)

    with pytest.raises(EOFError):
        await take_together(breaking(), take, most=8)
    assert taken == [1]


async def test_a_fault_in_taking_ends_the_reading() -> None:
    given: list[int] = []

    async def take(batch: list[int]) -> None:
        raise LookupError(batch)

    with pytest.raises(LookupError):
        await take_together(counting(100, given), take, most=4)
    read = len(given)
    await asyncio.sleep(0)
    assert len(given) == read < 100
