"""Plans an incremental sync: finds the courses that changed with three lists of Canvas.

If a list is not available, the plan has an obstacle and contains every course.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import aclosing
from datetime import date
from itertools import chain
from typing import NamedTuple

from application.find_courses import find_current_courses
from application.ports import CanvasAccount
from domain.canvas import Course
from domain.change_feed import FeedEntry, PlannerWindow
from domain.course_diff import is_readable
from domain.course_events import CourseList, KnownCourse, known_courses
from domain.errors import (
    CanvasFailure,
    CanvasForbidden,
    CanvasThrottled,
    CanvasTokenRejected,
)
from domain.stale_courses import FeedContent
from domain.sync import Sync

MAX_GRADED_PAGES = 6
"""Most pages of graded submissions; the next full run finds changes on later pages."""
MAX_PLANNER_PAGES = 3
"""Most pages of the planner; the next full run finds changes on later pages."""

CourseListTask = asyncio.Task[CourseList]


class SyncPlan(NamedTuple):
    """What a run reads."""

    listed: CourseList
    """Every course that Canvas lists."""
    to_fetch: Sequence[Course]
    """The courses to read; all of them if there is an obstacle."""
    known: Mapping[str, KnownCourse]
    """What is known of each course to read, by its Canvas id."""
    planner_validator: str | None = None
    """The ETag of the planner for the next run."""
    obstacle: CanvasFailure | None = None
    """Why the run cannot be incremental."""


class FeedResult(NamedTuple):
    """What was read of a change feed, or the obstacle."""

    entries: Sequence[FeedEntry] = ()
    window: PlannerWindow | None = None
    validator: str | None = None
    obstacle: CanvasFailure | None = None


async def plan_incremental_sync(account: CanvasAccount, sync: Sync, today: date) -> SyncPlan:
    """Request the courses, the graded submissions and the planner in parallel; return the plan.

    Raises: CanvasFailure if a full run would fail too.
    """
    window = PlannerWindow.around(today)
    try:
        async with asyncio.TaskGroup() as group:
            courses_task = group.create_task(find_current_courses(account, sync))
            graded_task = group.create_task(
                _or_obstacle(_read_graded_submissions(account, sync, courses_task))
            )
            planned_task = group.create_task(
                _or_obstacle(_read_planner(account, sync, courses_task, window))
            )
    except ExceptionGroup as group_error:
        raise group_error.exceptions[0] from None
    graded, planned = graded_task.result(), planned_task.result()
    obstacle = graded.obstacle or planned.obstacle
    if account.drops_includes:
        obstacle = CanvasForbidden(
            "The token's developer key does not allow includes, so every course is read."
        )
    feeds = None
    if planned.window and not obstacle:
        feeds = FeedContent([*graded.entries, *planned.entries], planned.window)
    plan = make_plan(sync, courses_task.result(), feeds)
    return plan._replace(planner_validator=planned.validator, obstacle=obstacle)


def make_plan(sync: Sync, listed: CourseList, feeds: FeedContent | None = None) -> SyncPlan:
    """Return the plan of a full run, or of an incremental one if the feeds are known."""
    ids = sync.courses_to_fetch(listed.courses, feeds)
    to_fetch = [
        course
        for course in listed.courses
        if course["canvas_id"] in ids and course["state"] != "withdrawn"
    ]
    known = {id_: snapshot for id_, snapshot in sync.courses.items() if id_ in ids}
    return SyncPlan(listed, to_fetch, known_courses(known, sync.work_digests))


async def _or_obstacle(feed: Awaitable[FeedResult]) -> FeedResult:
    try:
        return await feed
    except (CanvasTokenRejected, CanvasThrottled):
        raise
    except CanvasFailure as failure:
        return FeedResult(obstacle=failure)


async def _read_graded_submissions(
    account: CanvasAccount, sync: Sync, courses_task: CourseListTask
) -> FeedResult:
    """Read the graded submissions, newest first, while the last page has changes."""
    pages_read: list[list[FeedEntry]] = []
    async with aclosing(account.graded_submissions()) as pages:
        async for page in pages:
            pages_read.append(_of_readable_courses(page, await courses_task))
            if len(pages_read) == MAX_GRADED_PAGES or not sync.has_changes(pages_read[-1]):
                break
    return FeedResult([*chain(*pages_read)])


async def _read_planner(
    account: CanvasAccount, sync: Sync, courses_task: CourseListTask, window: PlannerWindow
) -> FeedResult:
    """Read the planner, latest due date first; nothing if the validator is still valid.

    A changed planner is read up to MAX_PLANNER_PAGES. One that was never read before (no validator
    is known) is read while the last page has changes.
    """
    known_validator = sync.planner_validator
    validator: str | None = None
    pages_read: list[list[FeedEntry]] = []
    async with aclosing(account.planner_items(window, known_validator)) as pages:
        async for page in pages:
            validator = validator or page.validator
            pages_read.append(_of_readable_courses(page.entries, await courses_task))
            if len(pages_read) == MAX_PLANNER_PAGES or not (
                known_validator or sync.has_changes(pages_read[-1])
            ):
                break
        else:
            known_validator = None
    entries = [*chain(*pages_read)]
    if known_validator and entries:
        window = window.starting_at(entries[-1].graded_or_due_at)
    return FeedResult(entries, window, validator)


def _of_readable_courses(page: Sequence[FeedEntry], listed: CourseList) -> list[FeedEntry]:
    ids = {course["canvas_id"] for course in listed.courses if is_readable(course)}
    return [entry for entry in page if entry.course_id in ids]
