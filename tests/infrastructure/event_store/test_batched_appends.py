"""Callers of one stream share an append; each gets its own result."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest

from application.event_metadata import current_metadata, with_event_metadata
from domain.aggregate import Aggregate
from domain.errors import ConnectionBusy, ConnectionNotFound
from domain.history_access import HistoryAccess
from infrastructure.event_store.batched_appends import MAX_BATCH_CALLERS, BatchedAppends, Caller

STREAM = uuid4()


def decide(_: Aggregate) -> None:
    """A decision that the append of a test does not execute."""


@dataclass
class SlowAppend:
    """An append that lasts until `proceed` is set; `batches` has the actors of each."""

    batches: list[list[str]] = field(default_factory=list)
    errors: dict[str, Exception] = field(default_factory=dict)
    failure: Exception | None = None
    proceed: asyncio.Event = field(default_factory=asyncio.Event)

    async def append(
        self, kind: type[Aggregate], stream: UUID, callers: Sequence[Caller]
    ) -> list[Exception | None]:
        assert issubclass(kind, Aggregate)
        assert stream
        actors = [caller.context.run(current_metadata).actor for caller in callers]
        self.batches.append(actors)
        await self.proceed.wait()
        if self.failure:
            raise self.failure
        return [self.errors.get(actor) for actor in actors]


async def append_as(batches: BatchedAppends, actor: str, stream: UUID = STREAM) -> None:
    with with_event_metadata(actor):
        await batches.append(HistoryAccess, stream, decide)


def start(batches: BatchedAppends, *actors: str) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(append_as(batches, actor)) for actor in actors]


async def run_pending() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_callers_that_arrive_during_an_append_share_the_next_one() -> None:
    slow = SlowAppend()
    batches = BatchedAppends(slow.append)
    first = start(batches, "a")
    await run_pending()
    others = start(batches, "b", "c", "d")
    await run_pending()
    assert slow.batches == [["a"]]
    slow.proceed.set()
    await asyncio.gather(*first, *others)
    assert slow.batches == [["a"], ["b", "c", "d"]]
    await run_pending()
    assert (batches._waiting, batches._tasks) == ({}, set())


async def test_each_caller_gets_its_own_error() -> None:
    slow = SlowAppend(errors={"b": ConnectionNotFound(STREAM)})
    slow.proceed.set()
    results = await asyncio.gather(
        *start(BatchedAppends(slow.append), "a", "b", "c"), return_exceptions=True
    )
    assert results == [None, ConnectionNotFound(STREAM), None]


async def test_every_caller_gets_the_error_of_the_append_and_the_next_batch_succeeds() -> None:
    slow = SlowAppend(failure=OSError("lost"))
    slow.proceed.set()
    batches = BatchedAppends(slow.append)
    results = await asyncio.gather(*start(batches, "a", "b"), return_exceptions=True)
    assert results == [slow.failure, slow.failure]
    slow.failure = None
    await append_as(batches, "c")


async def test_a_batch_has_a_limit() -> None:
    slow = SlowAppend()
    slow.proceed.set()
    actors = [str(number) for number in range(MAX_BATCH_CALLERS + 3)]
    await asyncio.gather(*start(BatchedAppends(slow.append), *actors))
    assert [actor for batch in slow.batches for actor in batch] == actors
    assert [len(batch) for batch in slow.batches] == [MAX_BATCH_CALLERS, 3]


async def test_too_many_waiting_callers_are_refused_at_once() -> None:
    slow = SlowAppend()
    batches = BatchedAppends(slow.append, max_waiting=2)
    first = start(batches, "a")
    await run_pending()
    waiting = start(batches, "b", "c")
    await run_pending()
    with pytest.raises(ConnectionBusy):
        await append_as(batches, "d")
    slow.proceed.set()
    await append_as(batches, "another stream", uuid4())
    await asyncio.gather(*first, *waiting)


async def test_a_caller_that_is_cancelled_during_its_append_does_not_stop_the_others() -> None:
    slow = SlowAppend()
    batches = BatchedAppends(slow.append)
    cancelled, other = start(batches, "cancelled", "other")
    await run_pending()
    cancelled.cancel()
    await run_pending()
    slow.proceed.set()
    await other
    assert cancelled.cancelled()
    assert slow.batches == [["cancelled", "other"]]


async def test_a_caller_that_is_cancelled_while_it_waits_appends_nothing() -> None:
    slow = SlowAppend()
    batches = BatchedAppends(slow.append)
    (first,) = start(batches, "first")
    await run_pending()
    cancelled, other = start(batches, "cancelled", "other")
    await run_pending()
    cancelled.cancel()
    await run_pending()
    slow.proceed.set()
    await asyncio.gather(first, other)
    assert slow.batches == [["first"], ["other"]]


async def test_no_caller_waits_for_ever_when_the_event_loop_ends() -> None:
    slow = SlowAppend()
    batches = BatchedAppends(slow.append)
    appending = start(batches, "a")
    await run_pending()
    waiting = start(batches, "b")
    await run_pending()
    for task in batches._tasks:
        task.cancel()
    await asyncio.wait([*appending, *waiting], timeout=5)
    assert all(task.cancelled() for task in (*appending, *waiting))
    slow.proceed.set()
    await append_as(batches, "c")
