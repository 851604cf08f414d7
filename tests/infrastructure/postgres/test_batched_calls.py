"""Questions that are asked while a call is under way share the next one; nobody else suffers."""

import asyncio
from collections.abc import Sequence

import pytest

from infrastructure.postgres.batched_calls import MAX_BATCH_SIZE, MAX_CALLS, BatchedCalls
from tests.deadlines import scaled

NEVER = 3600.0


class Oracle:
    """Answers each number with its double when it is released; refuses negative ones."""

    def __init__(self, *, max_wait_seconds: float = NEVER) -> None:
        self.calls = list[list[int]]()
        self.released = asyncio.Event()
        self.batched = BatchedCalls(self._ask_all, max_wait_seconds=max_wait_seconds)

    async def _ask_all(self, numbers: Sequence[int]) -> list[int | Exception]:
        self.calls.append([*numbers])
        await self.released.wait()
        if 0 in numbers:
            raise ZeroDivisionError
        return [2 * number if number > 0 else ValueError(number) for number in numbers]

    def ask(self, *numbers: int) -> list[asyncio.Task[int]]:
        """Ask in this order."""
        return [asyncio.create_task(self.batched.ask(number)) for number in numbers]


async def settle() -> None:
    """Let every task go on until it waits."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_lone_caller_is_served_at_once() -> None:
    oracle = Oracle()
    oracle.released.set()
    assert [await oracle.batched.ask(number) for number in (1, 2)] == [2, 4]
    assert oracle.calls == [[1], [2]]


async def test_what_is_asked_during_a_call_makes_up_the_next_one() -> None:
    oracle = Oracle()
    tasks = oracle.ask(1, 2, 3, 4)
    await settle()
    assert oracle.calls == [[1]]
    oracle.released.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6, 8]
    assert oracle.calls == [[1], [2, 3, 4]]


async def test_a_batch_is_bounded() -> None:
    oracle = Oracle()
    tasks = oracle.ask(*range(1, MAX_BATCH_SIZE + 3))
    await settle()
    oracle.released.set()
    await asyncio.gather(*tasks)
    assert [len(call) for call in oracle.calls] == [1, MAX_BATCH_SIZE, 1]


async def test_an_error_is_that_of_its_question_only() -> None:
    oracle = Oracle()
    tasks = oracle.ask(1, 2, -3, 4)
    await settle()
    oracle.released.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [found[0], found[1], found[3]] == [2, 4, 8]
    assert isinstance(found[2], ValueError)
    with pytest.raises(ValueError, match="-5"):
        await oracle.batched.ask(-5)


async def test_an_error_of_the_call_is_that_of_its_questions() -> None:
    oracle = Oracle()
    tasks = oracle.ask(1, 0, 2)
    await settle()
    oracle.released.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert found[0] == 2
    assert [type(each) for each in found[1:]] == [ZeroDivisionError] * 2
    assert await oracle.batched.ask(3) == 6


async def test_a_call_that_hangs_does_not_hold_up_later_questions() -> None:
    oracle = Oracle(max_wait_seconds=0.01)
    hanging = oracle.ask(1)
    await settle()
    later = oracle.ask(2, 3)
    async with asyncio.timeout(scaled(5)):
        while len(oracle.calls) < 2:  # noqa: ASYNC110  # a timer starts the second call
            await asyncio.sleep(0.005)
    assert oracle.calls == [[1], [2, 3]]
    oracle.released.set()
    assert await asyncio.gather(*hanging, *later) == [2, 4, 6]


async def test_the_calls_at_a_time_are_bounded() -> None:
    oracle = Oracle(max_wait_seconds=0)
    tasks = list[asyncio.Task[int]]()
    for number in range(1, 2 * MAX_CALLS):
        tasks += oracle.ask(number)
        await asyncio.sleep(0.01)
    assert len(oracle.calls) == MAX_CALLS
    oracle.released.set()
    assert await asyncio.gather(*tasks) == [2 * number for number in range(1, 2 * MAX_CALLS)]


async def test_a_caller_that_is_cancelled_before_the_call_asks_nothing() -> None:
    oracle = Oracle()
    first, second, third = oracle.ask(1, 2, 3)
    await settle()
    second.cancel()
    await settle()
    oracle.released.set()
    assert [await first, await third] == [2, 6]
    assert oracle.calls == [[1], [3]]


async def test_a_caller_that_is_cancelled_during_the_call_changes_nothing_for_others() -> None:
    oracle = Oracle()
    first, second, third = oracle.ask(1, 2, 3)
    await settle()
    first.cancel()
    await settle()
    assert oracle.calls == [[1], [2, 3]], "the others do not wait for a call without a caller"
    second.cancel()
    await settle()
    oracle.released.set()
    assert await third == 6
    assert (first.cancelled(), second.cancelled()) == (True, True)
    assert await oracle.batched.ask(4) == 8
