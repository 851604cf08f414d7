"""Batches contain every item once, the buffer is bounded, and no task is left running."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from application.batching import consume_in_batches


async def count_up(up_to: int, yielded: list[int]) -> AsyncIterator[int]:
    for number in range(up_to):
        yielded.append(number)
        yield number


async def test_every_item_is_consumed_once_in_order() -> None:
    consumed: list[int] = []

    async def consume(batch: list[int]) -> None:
        await asyncio.sleep(0)
        consumed.extend(batch)

    await consume_in_batches(count_up(100, []), consume, max_size=8)
    assert consumed == list(range(100))


async def test_at_most_max_size_items_are_buffered() -> None:
    yielded: list[int] = []
    unblocked = asyncio.Event()

    async def consume(batch: list[int]) -> None:
        assert batch
        await unblocked.wait()

    consumer = asyncio.create_task(consume_in_batches(count_up(100, yielded), consume, max_size=8))
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(yielded) <= 8 + 2
    unblocked.set()
    await consumer
    assert len(yielded) == 100


async def test_an_error_of_the_source_is_raised_after_earlier_items_are_consumed() -> None:
    consumed: list[int] = []

    async def failing_source() -> AsyncIterator[int]:
        yield 1
        raise EOFError

    async def consume(batch: list[int]) -> None:
        consumed.extend(batch)

    with pytest.raises(EOFError):
        await consume_in_batches(failing_source(), consume, max_size=8)
    assert consumed == [1]


async def test_an_error_in_consume_stops_the_reader() -> None:
    yielded: list[int] = []

    async def consume(batch: list[int]) -> None:
        raise LookupError(batch)

    with pytest.raises(LookupError):
        await consume_in_batches(count_up(100, yielded), consume, max_size=4)
    read_before = len(yielded)
    await asyncio.sleep(0)
    assert len(yielded) == read_before < 100
