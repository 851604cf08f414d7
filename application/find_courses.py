"""Lists the courses of an account, and looks for the known courses that a list lacks.

A list can lack a course that exists: Canvas lists ended courses in other ways than current ones,
and a course can move to another page while the pages are read.
"""

import asyncio
from collections.abc import Iterable
from itertools import starmap

from application.ports import CanvasAccount
from domain.canvas import Course
from domain.course_diff import has_returned, still_ended
from domain.course_events import CourseList, missing_courses
from domain.errors import CanvasFailure, CanvasThrottled, CanvasTokenRejected
from domain.sync import Sync

MAX_COURSES_TO_LOOK_FOR = 10
"""Most known courses that a run requests one by one; of the others it does not know anything."""

NO_COURSES = CourseList([], complete=False)


async def find_current_courses(account: CanvasAccount, sync: Sync) -> CourseList:
    """Return the courses of a person with one request.

    More requests follow if a known course is missing, or if one that had ended is listed as active.

    Raises: CanvasFailure if the list cannot be read.
    """
    listed = await account.list_courses()
    known = [(sync.courses.get(course["canvas_id"]), course) for course in listed.courses]
    if missing_courses(sync.courses, listed.courses) or any(starmap(has_returned, known)):
        return await _add_missing(account, sync, listed, await _list_ended(account))
    return listed._replace(courses=list(starmap(still_ended, known)))


async def find_all_courses(account: CanvasAccount, sync: Sync) -> CourseList:
    """Return the courses of a person in every state, with the ended ones.

    Raises: CanvasFailure if the list cannot be read.
    """
    try:
        async with asyncio.TaskGroup() as group:
            listed = group.create_task(account.list_courses())
            ended = group.create_task(_list_ended(account))
    except ExceptionGroup as group_error:
        raise group_error.exceptions[0] from None
    return await _add_missing(account, sync, listed.result(), ended.result())


async def _list_ended(account: CanvasAccount) -> CourseList:
    """List the ended courses; none, as an incomplete list, if Canvas refuses to show them."""
    try:
        return await account.list_ended_courses()
    except (CanvasTokenRejected, CanvasThrottled):
        raise
    except CanvasFailure:
        return NO_COURSES


async def _add_missing(
    account: CanvasAccount, sync: Sync, listed: CourseList, ended: CourseList
) -> CourseList:
    """Merge both lists, and look for the known courses that neither contains."""
    over = [course for course in ended.courses if _is_over(course, listed, ended)]
    courses = _merge(ended.courses, listed.courses, over)
    missing = sorted(missing_courses(sync.courses, courses))
    found = {id_: await _find_course(account, id_) for id_ in missing[:MAX_COURSES_TO_LOOK_FOR]}
    return CourseList(
        _merge(courses, *(each.courses for each in found.values())),
        complete=listed.complete and ended.complete,
        unknown=frozenset(id_ for id_ in missing if id_ not in found or not found[id_].complete),
    )


def _is_over(course: Course, listed: CourseList, ended: CourseList) -> bool:
    """Return whether an ended course has no live enrollment that is only in the other list.

    An enrollment that ended by a date of its section is live by its stored state in both lists.
    """
    id_ = course["canvas_id"]
    return ended.live_counts.get(id_, 0) >= listed.live_counts.get(id_, 0)


async def _find_course(account: CanvasAccount, canvas_id: str) -> CourseList:
    """Request one course; an incomplete list if Canvas does not respond."""
    try:
        course = await account.find_course(canvas_id)
    except (CanvasTokenRejected, CanvasThrottled):
        raise
    except CanvasFailure:
        return NO_COURSES
    return CourseList([course] if course else [], complete=True)


def _merge(*lists: Iterable[Course]) -> list[Course]:
    """Return each course once, as the last list has it."""
    return list({course["canvas_id"]: course for each in lists for course in each}.values())
