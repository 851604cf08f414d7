"""Reads one Canvas account during a run: the list of courses, then the work of each course."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from application.ports import FetchedCourse, PlannerPage
from domain.canvas import Course
from domain.change_feed import FeedEntry, PlannerWindow
from domain.course_diff import is_readable
from domain.course_events import CourseList, KnownCourse
from domain.errors import CanvasFailure, CanvasForbidden, CanvasNotFound, CanvasResponseUnusable
from domain.events.sync import Requests
from infrastructure.canvas.api_client import CanvasApi
from infrastructure.canvas.change_feeds import fetch_graded_submissions, fetch_planner_items
from infrastructure.canvas.course_work import fetch_course_work
from infrastructure.canvas.json_fields import as_object
from infrastructure.canvas.limits import Limits
from infrastructure.canvas.pagination import fetch_rows
from infrastructure.canvas.parse_course import ended_course, find_student_id, parse_course
from infrastructure.canvas.parse_enrollments import count_live, with_own_enrollments
from infrastructure.canvas.scoped_key_fallback import (
    DroppedIncludes,
    has_periods,
    unknown_totals_failure,
    without_totals,
)

COURSE_INCLUDES = [
    ("include[]", "term"),
    ("include[]", "total_scores"),
    ("include[]", "current_grading_period_scores"),
    ("include[]", "grading_scheme"),
    ("include[]", "teachers"),
    ("include[]", "favorites"),
    ("include[]", "concluded"),
    ("include[]", "course_image"),
]
COURSES_QUERY = [("state[]", "available"), ("state[]", "completed"), *COURSE_INCLUDES]
"""The current courses and those that were concluded, by themselves or by their dates."""
ENDED_COURSES_QUERY = [("enrollment_state", "completed"), *COURSE_INCLUDES]


class CanvasAccountReader:
    """Reads the account of the student to whom a token belongs.

    Implements `application.ports.CanvasAccount`.
    """

    def __init__(self, api: CanvasApi, limits: Limits, user_id: str | None = None) -> None:
        self._api = api
        self._limits = limits
        self._user_id = user_id
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

    async def list_courses(self) -> CourseList:
        """Fetch the courses of the person in every state.

        Raises: CanvasFailure if a request fails, no row is a course, or Canvas lists more courses
        than the limit.
        """
        return await self._list_courses(COURSES_QUERY, ended=False)

    async def list_ended_courses(self) -> CourseList:
        """Fetch the courses that have ended; raises the errors of `list_courses`."""
        return await self._list_courses(ENDED_COURSES_QUERY, ended=True)

    async def find_course(self, canvas_id: str) -> Course | None:
        """Fetch one course; None if it is deleted, or the person is not enrolled in it any more.

        A course without a live enrollment has ended; Canvas then shows no totals.

        Raises: CanvasFailure if the request fails for another reason.
        """
        url = (self._api.origin / "api/v1/courses" / canvas_id).with_query(COURSE_INCLUDES)
        try:
            response = await self._api.get(url)
        except (CanvasForbidden, CanvasNotFound):
            return None
        row, origin = self._own_row(response.json), str(self._api.origin)
        course = parse_course(row, origin)
        if course is None:
            raise CanvasResponseUnusable("Canvas sent a response that is not a course.")
        return course if row.get("enrollments") else ended_course(course["canvas_id"], origin)

    def graded_submissions(self) -> AsyncGenerator[list[FeedEntry], None]:
        """Fetch the graded submissions of all courses in pages, newest first."""
        return fetch_graded_submissions(self._api, self._limits)

    def planner_items(
        self, window: PlannerWindow, validator: str | None
    ) -> AsyncGenerator[PlannerPage, None]:
        """Fetch the planner in pages, latest due date first.

        Yields no page if the planner is unchanged since `validator`.
        """
        return fetch_planner_items(self._api, self._limits, window, validator)

    async def fetch_courses(
        self, courses: Sequence[Course], known: Mapping[str, KnownCourse]
    ) -> AsyncIterator[FetchedCourse]:
        """Fetch the assignments of each course; yield a course as soon as its response arrives.

        `known` has what was recorded of each course before, by its id: an assignment that is
        missing now is requested again. A slow course does not delay the others.
        At most `Limits.max_in_flight` courses are fetched ahead of the consumer. A course that
        fails is yielded with its failure; the others are not affected.
        """
        remaining = ((course, known.get(course["canvas_id"], KnownCourse())) for course in courses)
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
        self, remaining: Iterator[tuple[Course, KnownCourse]], count: int
    ) -> set[asyncio.Task[FetchedCourse]]:
        tasks = {
            asyncio.create_task(self._fetch_course(course, before))
            for course, before in islice(remaining, count)
        }
        self._tasks |= tasks
        for task in tasks:
            task.add_done_callback(self._tasks.discard)
        return tasks

    async def _fetch_course(self, course: Course, before: KnownCourse) -> FetchedCourse:
        canvas_id = course["canvas_id"]
        if not is_readable(course):
            return FetchedCourse(course, None)
        lacks_period = self._drops_includes and before.has_period
        if lacks_period or canvas_id in self._courses_without_totals:
            failure = unknown_totals_failure(canvas_id)
            return FetchedCourse(course, None, failure, is_known=False)
        try:
            work = await fetch_course_work(
                self._api,
                self._limits,
                canvas_id,
                self._student_id,
                known_ids=before.assignment_ids,
                known_digest=None if self._drops_includes else before.work_digest,
            )
        except CanvasFailure as failure:
            return FetchedCourse(course, None, failure, is_known=not self._drops_includes)
        if work.is_known:
            return FetchedCourse(course, None, work_digest=work.digest)
        if self._drops_includes and has_periods(work.assignments):
            course = without_totals(course)
        return FetchedCourse(course, work.assignments, groups=work.groups, work_digest=work.digest)

    async def _list_courses(self, query: list[tuple[str, str]], *, ended: bool) -> CourseList:
        found: dict[str, Course] = {}
        live_counts: dict[str, int] = {}
        includes, complete = DroppedIncludes(), True
        async for listed_row in self._fetch_rows("courses", query, self._limits.courses):
            row = self._own_row(listed_row)
            includes.inspect(row)
            self._student_id = self._student_id or find_student_id(row)
            course = parse_course(row, str(self._api.origin), ended=ended)
            if course:
                found[course["canvas_id"]] = course
                live_counts[course["canvas_id"]] = count_live(row)
            complete = complete and course is not None
        if not (found or complete):
            raise CanvasResponseUnusable("Canvas sent a list of courses without any course.")
        self._drops_includes = self._drops_includes or includes.are_dropped
        self._courses_without_totals |= await includes.fill_missing(found, self._fetch_rows)
        return CourseList(list(found.values()), complete=complete, live_counts=live_counts)

    def _own_row(self, row: Any) -> dict[str, Any]:
        return with_own_enrollments(as_object(row), self._user_id)

    def _fetch_rows(
        self, path: str, query: list[tuple[str, str]], max_rows: int | None = None
    ) -> AsyncIterator[Any]:
        return fetch_rows(self._api, self._limits, path, query, max_rows=max_rows)


async def _cancel_all(tasks: set[asyncio.Task[FetchedCourse]]) -> None:
    to_cancel = list(tasks)
    for task in to_cancel:
        task.cancel()
    await asyncio.gather(*to_cancel, return_exceptions=True)
