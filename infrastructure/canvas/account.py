"""Reads one Canvas account during a run: the list of courses, then the work of each course."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from itertools import islice
from typing import Any

from yarl import URL

from application.ports import FetchedCourse, PlannerPage
from domain.canvas import Assignment, Course, Group
from domain.change_feed import FeedEntry, PlannerWindow
from domain.errors import CanvasFailure, CanvasResponseUnusable
from domain.events.sync import Requests
from infrastructure.canvas.api_client import CanvasApi
from infrastructure.canvas.change_feeds import fetch_graded_submissions, fetch_planner_items
from infrastructure.canvas.json_fields import as_object
from infrastructure.canvas.limits import Limits
from infrastructure.canvas.pagination import fetch_pages
from infrastructure.canvas.parse_assignment import find_group, parse_assignment, parse_group
from infrastructure.canvas.parse_course import find_student_id, parse_course
from infrastructure.canvas.scoped_key_fallback import (
    DroppedIncludes,
    attach_submissions,
    unknown_totals_failure,
)

COURSES_QUERY = [
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
ASSIGNMENTS_QUERY = [
    ("include[]", "submission"),
    ("exclude_response_fields[]", "description"),
    ("exclude_response_fields[]", "rubric"),
    ("per_page", "100"),
]


class CanvasAccountReader:
    """Reads the account of the student to whom a token belongs.

    Implements `application.ports.CanvasAccount`.
    """

    def __init__(self, api: CanvasApi, limits: Limits) -> None:
        self._api = api
        self._limits = limits
        self._student_id: str | None = None
        self._courses_without_totals: set[str] = set()
        self._drops_includes = False
        self._tasks: set[asyncio.Task[FetchedCourse]] = set()

    @property
    def requests(self) -> Requests:
        """The requests sent so far: all, answered with 304, and repeated."""
        return self._api.requests.copy()

    @property
    def drops_includes(self) -> bool:
        """Whether `list_courses` returned no field that Canvas adds only for an `include[]`."""
        return self._drops_includes

    async def list_courses(self) -> list[Course]:
        """Fetch every course of the student.

        Raises: CanvasFailure if a request fails or Canvas lists more courses than the limit.
        """
        found: dict[str, Course] = {}
        includes = DroppedIncludes()
        async for row in self._fetch_rows("courses", COURSES_QUERY):
            includes.inspect(row)
            self._student_id = self._student_id or find_student_id(row)
            course = parse_course(row, str(self._api.origin))
            if course:
                found[course["canvas_id"]] = course
            _check_limit(self._limits.courses, len(found), "courses")
        self._drops_includes = includes.are_dropped
        self._courses_without_totals = await includes.fill_missing(found, self._fetch_rows)
        return list(found.values())

    def graded_submissions(self) -> AsyncGenerator[list[FeedEntry], None]:
        """Fetch the graded submissions of all courses in pages, newest first."""
        return fetch_graded_submissions(self._api, self._limits.pages)

    def planner_items(
        self, window: PlannerWindow, validator: str | None
    ) -> AsyncGenerator[PlannerPage, None]:
        """Fetch the planner in pages, latest due date first.

        Yields no page if the planner is unchanged since `validator`.
        """
        return fetch_planner_items(self._api, self._limits.pages, window, validator)

    async def fetch_courses(self, courses: Sequence[Course]) -> AsyncIterator[FetchedCourse]:
        """Fetch the assignments of each course; yield a course as soon as its response arrives.

        At most `Limits.max_in_flight` courses are fetched ahead of the consumer. A course that
        fails is yielded with its failure; the others are not affected.
        """
        remaining = iter(courses)
        pending = self._start_tasks(remaining, self._limits.max_in_flight)
        try:
            while pending:
                done, _ = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    pending.remove(task)
                    pending |= self._start_tasks(remaining, 1)
                    yield task.result()
        finally:
            await _cancel_all(pending)

    async def close(self) -> None:
        """Cancel the requests that are still in flight."""
        await _cancel_all(self._tasks)

    def _start_tasks(
        self, remaining: Iterator[Course], count: int
    ) -> set[asyncio.Task[FetchedCourse]]:
        tasks = {
            asyncio.create_task(self._fetch_course(course)) for course in islice(remaining, count)
        }
        self._tasks |= tasks
        for task in tasks:
            task.add_done_callback(self._tasks.discard)
        return tasks

    async def _fetch_course(self, course: Course) -> FetchedCourse:
        if course["state"] == "restricted":
            return FetchedCourse(course, None)
        if course["canvas_id"] in self._courses_without_totals:
            return FetchedCourse(course, None, unknown_totals_failure(course["canvas_id"]))
        try:
            return FetchedCourse(course, await self._fetch_assignments(course["canvas_id"]))
        except CanvasFailure as failure:
            return FetchedCourse(course, None, failure)

    async def _fetch_assignments(self, course_id: str) -> list[Assignment]:
        """Fetch groups, assignments and submissions of a course with one request.

        If Canvas drops `include[]` (scoped developer key), more requests fetch the rest.
        """
        found: dict[str, Assignment] = {}
        groups: dict[str, Group] = {}
        has_no_assignments = True
        query = [("include[]", "assignments"), *ASSIGNMENTS_QUERY]
        async for row in self._fetch_rows(f"courses/{course_id}/assignment_groups", query):
            group = parse_group(row)
            if group:
                groups[group["id"]] = group
                has_no_assignments = has_no_assignments and "assignments" not in row
                self._add_assignments(found, as_object(row).get("assignments"), group)
        if has_no_assignments and groups:
            await self._fetch_ungrouped(course_id, found, groups)
        return list(found.values())

    async def _fetch_ungrouped(
        self, course_id: str, found: dict[str, Assignment], groups: dict[str, Group]
    ) -> None:
        """Fetch the list of assignments, and the list of submissions if it contains none."""
        has_no_submissions = True
        async for row in self._fetch_rows(f"courses/{course_id}/assignments", ASSIGNMENTS_QUERY):
            has_no_submissions = has_no_submissions and "submission" not in as_object(row)
            self._add_assignments(found, [row], find_group(row, groups))
        if has_no_submissions and found:
            await attach_submissions(course_id, found, self._fetch_rows)

    def _add_assignments(self, found: dict[str, Assignment], rows: Any, group: Group) -> None:
        for row in rows if isinstance(rows, list) else ():
            assignment = parse_assignment(row, group, self._student_id)
            if assignment:
                found[assignment["canvas_id"]] = assignment
        _check_limit(self._limits.assignments, len(found), "assignments")

    async def _fetch_rows(self, path: str, query: list[tuple[str, str]]) -> AsyncIterator[Any]:
        url: URL = (self._api.origin / "api/v1" / path).with_query(query)
        async with aclosing(fetch_pages(self._api, url, self._limits.pages)) as found:
            async for rows in found:
                for row in rows:
                    yield row


def _check_limit(limit: int, count: int, item_name: str) -> None:
    if count > limit:
        raise CanvasResponseUnusable(
            f"Canvas lists more than {limit} {item_name}, the most that are read."
        )


async def _cancel_all(tasks: set[asyncio.Task[FetchedCourse]]) -> None:
    to_cancel = list(tasks)
    for task in to_cancel:
        task.cancel()
    await asyncio.gather(*to_cancel, return_exceptions=True)
