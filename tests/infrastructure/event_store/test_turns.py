"""Commands on one stream take their turns in the order of arrival, bounded in number and time."""

import asyncio
from uuid import UUID, uuid4

import pytest

from domain.errors import ConnectionBusy
from infrastructure.event_store.turns import Turns
from tests.deadlines import scaled

STREAM = uuid4()


async def run_pending() -> None:
    """Let all tasks run until each waits."""
    for _ in range(10):
        await asyncio.sleep(0)


class Turn:
    """A command that has its turn until `end` is set."""

    def __init__(self, turns: Turns, order: list[str], name: str, stream: UUID = STREAM) -> None:
        self._turns, self._order, self._name, self._stream = turns, order, name, stream
        self.end = asyncio.Event()
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async with self._turns.wait_for(self._stream):
            self._order.append(self._name)
            await self.end.wait()


async def test_turns_are_taken_one_at_a_time_in_the_order_of_arrival() -> None:
    turns, order = Turns(), list[str]()
    started = [Turn(turns, order, str(number)) for number in range(20)]
    for number, turn in enumerate(started):
        await run_pending()
        assert order == [str(before) for before in range(number + 1)]
        turn.end.set()
    await asyncio.gather(*(turn.task for turn in started))


async def test_another_stream_does_not_wait() -> None:
    turns, order = Turns(), list[str]()
    holder = Turn(turns, order, "holder")
    await run_pending()
    async with asyncio.timeout(scaled(5)), turns.wait_for(uuid4()):
        assert order == ["holder"]
    holder.end.set()
    await holder.task


async def test_too_many_waiting_commands_are_refused_at_once() -> None:
    turns, order = Turns(max_waiting=2), list[str]()
    started = [Turn(turns, order, str(number)) for number in range(3)]
    await run_pending()
    with pytest.raises(ConnectionBusy) as busy:
        async with turns.wait_for(STREAM):
            raise AssertionError
    assert busy.value == ConnectionBusy(STREAM)
    async with turns.wait_for(uuid4()):
        pass
    for turn in started:
        turn.end.set()
    await asyncio.gather(*(turn.task for turn in started))
    assert order == ["0", "1", "2"]


async def test_a_turn_that_does_not_come_in_time_is_refused_and_the_next_ones_follow() -> None:
    turns, order = Turns(wait_seconds=0.05), list[str]()
    holder = Turn(turns, order, "holder")
    await run_pending()
    with pytest.raises(ConnectionBusy):
        async with turns.wait_for(STREAM):
            raise AssertionError
    later = Turn(turns, order, "later")
    await run_pending()
    holder.end.set()
    later.end.set()
    await later.task
    assert order == ["holder", "later"]


async def test_a_cancelled_command_gives_its_turn_to_the_next() -> None:
    turns, order = Turns(), list[str]()
    holder, waiting, last = (Turn(turns, order, name) for name in ("holder", "waiting", "last"))
    await run_pending()
    waiting.task.cancel()
    await run_pending()
    holder.task.cancel()
    await run_pending()
    assert order == ["holder", "last"]
    last.end.set()
    await last.task
    await asyncio.gather(holder.task, waiting.task, return_exceptions=True)


async def test_a_command_that_fails_ends_its_turn() -> None:
    turns = Turns(max_waiting=0)
    with pytest.raises(ValueError, match="failed"):
        async with turns.wait_for(STREAM):
            raise ValueError("failed")
    async with turns.wait_for(STREAM):
        pass


async def test_nothing_is_kept_of_streams_without_commands() -> None:
    turns, order = Turns(), list[str]()
    started = [Turn(turns, order, str(number), uuid4()) for number in range(5)]
    await run_pending()
    for turn in started[:3]:
        turn.end.set()
    for turn in started[3:]:
        turn.task.cancel()
    await asyncio.gather(*(turn.task for turn in started), return_exceptions=True)
    assert (turns._locks, turns._counts) == ({}, {})
