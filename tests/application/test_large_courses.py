"""Tests that the largest course that is read does not hold the event loop while it is compared."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar
from uuid import UUID

from application.ports import CanvasUser, FetchedCourse, SecretChange
from domain.aggregate import Aggregate
from infrastructure.canvas.limits import DEFAULT_LIMITS
from tests.application.conftest import PERSON, TOKEN, Application
from tests.canvas_builders import assignment, course, submission
from tests.deadlines import slowness
from tests.fakes import FakeCanvas
from tests.infrastructure.canvas.loop_hold import measured_loop_hold
from tests.memory_store import InMemoryStore

A = TypeVar("A", bound=Aggregate)
R = TypeVar("R")

MAX_HOLD_SECONDS = 0.05


def finish(coroutine: Coroutine[Any, Any, R]) -> R:
    """Run a coroutine that never waits, without an event loop."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: R = done.value
        return result
    raise AssertionError("it waits")


class ThreadedStore(InMemoryStore):
    """A store that works in threads, as that of the event log does."""

    async def load(self, kind: type[A], stream: UUID, *, version: int | None = None) -> A:
        return await asyncio.to_thread(finish, super().load(kind, stream, version=version))

    async def save(self, *aggregates: Aggregate, secrets: Sequence[SecretChange] = ()) -> None:
        await asyncio.to_thread(finish, super().save(*aggregates, secrets=secrets))

    async def has_newer_events(self, aggregate: Aggregate) -> bool:
        return await asyncio.to_thread(finish, super().has_newer_events(aggregate))


def graded_courses(score: float) -> list[FetchedCourse]:
    work = [
        assignment(canvas_id=str(number), submission=submission(score=score))
        for number in range(DEFAULT_LIMITS.assignments)
    ]
    return [FetchedCourse(course(canvas_id=str(n)), work) for n in range(3)]


async def test_the_largest_courses_are_compared_beside_other_tasks() -> None:
    canvas = FakeCanvas(users={TOKEN: CanvasUser("42", "Ada")}, fetched=graded_courses(1.0))
    app = Application(store=ThreadedStore(), canvas=canvas)
    connection = await app.set_up(person_id=PERSON)
    with measured_loop_hold() as hold:
        await app.run_next()
    assert hold.seconds < MAX_HOLD_SECONDS * slowness()
    run = await app.last_run(connection)
    assert run["status"] == "completed"
    assert run["changes"]["assignments"] == 3 * DEFAULT_LIMITS.assignments
