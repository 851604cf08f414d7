"""Lists over all courses: what is missing, what is due, the planner."""

from collections.abc import Iterator
from typing import Any

from infrastructure.canvas_sandbox.error_responses import Refused, refusal
from infrastructure.canvas_sandbox.model import Assignment, Course, Submission
from infrastructure.canvas_sandbox.paginators import bookmarked, ordinal
from infrastructure.canvas_sandbox.sandbox_clock import DAY, instant
from infrastructure.canvas_sandbox.serializers.assignment import assignment
from infrastructure.canvas_sandbox.serializers.planner import planner_item
from infrastructure.canvas_sandbox.serializers.submission import is_missing
from infrastructure.canvas_sandbox.student_request import Reply, Visit

WINDOW = 14 * DAY
Row = tuple[Course, Assignment, Submission | None]


def missing(visit: Visit, user: str) -> Reply:
    """`GET /users/self/missing_submissions`: assignments past due with nothing handed in."""
    visit.me(user)
    wanted = visit.ids("course_ids")
    rows = [
        (course, item)
        for course, item, work in _rows(visit)
        if (not wanted or course.id in wanted) and work and is_missing(work, visit.now)
    ]
    page = ordinal(visit.asked, sorted(rows, key=lambda row: (row[1].due_at or 0, row[1].id)))
    return Reply([assignment(item, visit.view(course)) for course, item in page.items], page.link)


def todo(visit: Visit, user: str) -> Reply:
    """`GET /users/self/todo`: what is to be handed in within a week."""
    visit.me(user)
    page = ordinal(visit.asked, list(_due_soon(visit)))
    shown = [
        {
            "type": "submitting",
            "assignment": assignment(item, visit.view(course)),
            "ignore": f"https://{visit.domain}/api/v1/users/self/todo/assignment_{item.id}",
            "html_url": f"https://{visit.domain}/courses/{course.id}/assignments/{item.id}#submit",
            "context_type": "Course",
            "course_id": course.id,
            "context_name": course.name,
        }
        for course, item in page.items
    ]
    return Reply(shown, page.link, lasting=False)


def upcoming(visit: Visit, user: str) -> Reply:
    """`GET /users/self/upcoming_events`: ids of assignments are texts here."""
    visit.me(user)
    shown = [
        {
            "id": f"assignment_{item.id}",
            "title": item.name,
            "type": "assignment",
            "context_code": f"course_{course.id}",
            "assignment": assignment(item, visit.view(course)),
        }
        for course, item in _due_soon(visit)
    ]
    return Reply(shown, lasting=False)


def planner_of(visit: Visit, user: str) -> Reply:
    """`GET /users/self/planner/items`."""
    visit.me(user)
    return planner(visit)


def planner(visit: Visit) -> Reply:
    """`GET /planner/items`: dated items between two days; undated ones are absent."""
    start = _day(visit, "start_date", visit.now - WINDOW)
    end = _day(visit, "end_date", visit.now + WINDOW)
    codes = set(visit.many("context_codes"))
    rows = [
        row
        for row in _rows(visit)
        if start <= (row[1].due_at or 0) <= end and (not codes or f"course_{row[0].id}" in codes)
    ]
    sign = -1 if visit.one("order") == "desc" else 1
    page = bookmarked(
        visit.asked, rows, lambda row: (sign * (row[1].due_at or 0), sign * row[1].id)
    )
    return Reply([_planned(visit, *row) for row in page.items], page.link)


def _rows(visit: Visit) -> Iterator[Row]:
    for course in visit.campus.enrolled(visit.student):
        if not course.restricted:
            work = visit.campus.work(visit.student, course)
            yield from ((course, item, work.get(item.id)) for item in course.shown())


def _due_soon(visit: Visit) -> Iterator[tuple[Course, Assignment]]:
    for course, item, work in _rows(visit):
        due = item.due_at or 0
        if visit.now <= due <= visit.now + 7 * DAY and work and work.submitted_at is None:
            yield course, item


def _planned(
    visit: Visit, course: Course, item: Assignment, work: Submission | None
) -> dict[str, Any]:
    name = visit.student.enrollments[course.id].nickname or course.name
    return planner_item(item, work, course, name, visit.now)


def _day(visit: Visit, parameter: str, otherwise: int) -> int:
    text = visit.one(parameter)
    try:
        return instant(text) if text else otherwise
    except ValueError:
        told = {"errors": {parameter: f"Invalid date or datetime for {parameter}"}}
        raise Refused(refusal(400, told)) from None
