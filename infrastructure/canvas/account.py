"""One Canvas account while a run reads it: its courses, then each with its assignments."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from itertools import islice
from typing import Any

from yarl import URL

from application.ports import PlannerPage, Sighting
from domain.canvas import Assignment, Course, Group
from domain.change_feed import Glimpse, Window
from domain.errors import CanvasAnswerUnusable, CanvasFailure
from domain.events.sync import Requests
from infrastructure.canvas.api_client import Asking
from infrastructure.canvas.change_feeds import graded, planned
from infrastructure.canvas.json_fields import record
from infrastructure.canvas.limits import Limits
from infrastructure.canvas.pagination import pages
from infrastructure.canvas.parse_assignment import group_of, parse_assignment, parse_group
from infrastructure.canvas.parse_course import parse_course, student_id
from infrastructure.canvas.scoped_key_fallback import Includes, no_totals, put_submissions

COURSES = [
    ("enrollment_state", "active"),
    ("include[]", "term"),
    ("include[]", "total_scores"),
    ("include[]", "current_grading_period_scores"),
    ("include[]", "teachers"),
    ("include[]", "favorites"),
    ("include[]", "concluded"),
    ("include[]", "course_image"),
    ("per_page", "100"),
]
LEAN = [
    ("include[]", "submission"),
    ("exclude_response_fields[]", "description"),
    ("exclude_response_fields[]", "rubric"),
    ("per_page", "100"),
]


class CanvasAccount:
    """A student's account behind one token."""

    def __init__(self, asking: Asking, limits: Limits) -> None:
        self._asking = asking
        self._limits = limits
        self._student: str | None = None
        self._without_totals: set[str] = set()
        self._drops_includes = False
        self._running: set[asyncio.Task[Sighting]] = set()

    @property
    def requests(self) -> Requests:
        """How many requests there were so far."""
        return self._asking.requests.copy()

    @property
    def drops_includes(self) -> bool:
        """Whether the courses came without anything that only an include brings."""
        return self._drops_includes

    async def courses(self) -> list[Course]:
        """Every course of the student; raises CanvasFailure."""
        found: dict[str, Course] = {}
        includes = Includes()
        async for row in self._rows("courses", COURSES):
            includes.look(row)
            self._student = self._student or student_id(row)
            course = parse_course(row, str(self._asking.origin))
            if course:
                found[course["canvas_id"]] = course
            _must_be_at_most(self._limits.courses, len(found), "courses")
        self._drops_includes = includes.dropped
        self._without_totals = await includes.make_up(found, self._rows)
        return list(found.values())

    def graded(self) -> AsyncGenerator[list[Glimpse], None]:
        """The graded submissions of all courses, newest first, a page at a time."""
        return graded(self._asking, self._limits.pages)

    def planned(self, window: Window, validator: str | None) -> AsyncGenerator[PlannerPage, None]:
        """The planner, latest first; no page where nothing changed since the validator."""
        return planned(self._asking, self._limits.pages, window, validator)

    async def sightings(self, courses: Sequence[Course]) -> AsyncIterator[Sighting]:
        """Each course as its answer arrives; never more in hand than may be in flight."""
        waiting = iter(courses)
        pending = self._start(waiting, self._limits.in_flight)
        try:
            while pending:
                done, _ = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    pending.remove(task)
                    pending |= self._start(waiting, 1)
                    yield task.result()
        finally:
            await _stop(pending)

    async def close(self) -> None:
        """Call off whatever is still being read."""
        await _stop(self._running)

    def _start(self, waiting: Iterator[Course], many: int) -> set[asyncio.Task[Sighting]]:
        tasks = {asyncio.create_task(self._sight(course)) for course in islice(waiting, many)}
        self._running |= tasks
        for task in tasks:
            task.add_done_callback(self._running.discard)
        return tasks

    async def _sight(self, course: Course) -> Sighting:
        if course["state"] == "restricted":
            return Sighting(course, None)
        if course["canvas_id"] in self._without_totals:
            return Sighting(course, None, no_totals(course["canvas_id"]))
        try:
            return Sighting(course, await self._assignments(course["canvas_id"]))
        except CanvasFailure as failure:
            return Sighting(course, None, failure)

    async def _assignments(self, course_id: str) -> list[Assignment]:
        """All of a course in one request; where includes are dropped, in two more at least."""
        found: dict[str, Assignment] = {}
        groups: dict[str, Group] = {}
        bare = True
        query = [("include[]", "assignments"), *LEAN]
        async for row in self._rows(f"courses/{course_id}/assignment_groups", query):
            group = parse_group(row)
            if group:
                groups[group["id"]] = group
                bare = bare and "assignments" not in row
                self._add(found, record(row).get("assignments"), group)
        if bare and groups:
            await self._ungrouped(course_id, found, groups)
        return list(found.values())

    async def _ungrouped(
        self, course_id: str, found: dict[str, Assignment], groups: dict[str, Group]
    ) -> None:
        """Read them in a list of their own, and the submissions too where none came along."""
        alone = True
        async for row in self._rows(f"courses/{course_id}/assignments", LEAN):
            alone = alone and "submission" not in record(row)
            self._add(found, [row], group_of(row, groups))
        if alone and found:
            await put_submissions(course_id, found, self._rows)

    def _add(self, found: dict[str, Assignment], rows: Any, group: Group) -> None:
        for row in rows if isinstance(rows, list) else ():
            assignment = parse_assignment(row, group, self._student)
            if assignment:
                found[assignment["canvas_id"]] = assignment
        _must_be_at_most(self._limits.assignments, len(found), "assignments")

    async def _rows(self, path: str, query: list[tuple[str, str]]) -> AsyncIterator[Any]:
        url: URL = (self._asking.origin / "api/v1" / path).with_query(query)
        async with aclosing(pages(self._asking, url, self._limits.pages)) as found:
            async for rows in found:
                for row in rows:
                    yield row


def _must_be_at_most(most: int, many: int, what: str) -> None:
    if many > most:
        raise CanvasAnswerUnusable(f"Canvas lists more than {most} {what}.")


async def _stop(tasks: set[asyncio.Task[Sighting]]) -> None:
    stopping = list(tasks)
    for task in stopping:
        task.cancel()
    await asyncio.gather(*stopping, return_exceptions=True)
