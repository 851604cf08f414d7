"""A student's submissions, course by course or all in one list."""

from datetime import datetime
from typing import Any

from infrastructure.canvas_sandbox.error_responses import Refused, no_such_record, refusal
from infrastructure.canvas_sandbox.model import Course, Submission
from infrastructure.canvas_sandbox.paginators import Page, bookmarked, ordinal
from infrastructure.canvas_sandbox.sandbox_clock import instant
from infrastructure.canvas_sandbox.serializers.assignment import assignment
from infrastructure.canvas_sandbox.serializers.course import course as course_shape
from infrastructure.canvas_sandbox.serializers.person import user
from infrastructure.canvas_sandbox.serializers.submission import submission
from infrastructure.canvas_sandbox.student_request import Reply, Visit

SINCE = {"submitted_since": "submitted_at", "graded_since": "graded_at"}


def of_students(visit: Visit, course: str) -> Reply:
    """`GET /courses/:id/students/submissions`: bookmarked, unless newest come first."""
    found = visit.course(course)
    for student in visit.many("student_ids"):
        if student not in ("self", "all", str(visit.student.person.id)):
            raise visit.denied()
    page = _page(visit, _filtered(visit, found))
    shown = [_shape(visit, found, item) for item in page.items]
    if visit.flag("grouped"):
        me = visit.student.person.id
        return Reply([{"user_id": me, "section_id": found.id, "submissions": shown}], course=found)
    return Reply(shown, page.link, found)


def single(visit: Visit, course: str, assignment_id: str, user_id: str) -> Reply:
    """`GET /courses/:id/assignments/:id/submissions/self`."""
    visit.me(user_id)
    found = visit.course(course)
    item = visit.work(found).get(visit.assignment(found, assignment_id).id)
    if item is None:
        raise Refused(no_such_record())
    return Reply(_shape(visit, found, item), course=found)


def graded(visit: Visit, user_id: str) -> Reply:
    """`GET /users/self/graded_submissions`: newest `graded_at` first, over all courses.

    Restricted courses are in it, and so are rows whose grade is not posted.
    """
    visit.me(user_id)
    found = {
        item.id: (course, item)
        for course in visit.campus.enrolled(visit.student)
        for item in visit.work(course).values()
        if item.graded_at is not None
    }
    page = bookmarked(
        visit.asked,
        found.values(),
        lambda pair: (-(pair[1].graded_at or 0), -pair[1].id),
    )
    return Reply([_shape(visit, course, item) for course, item in page.items], page.link)


def _filtered(visit: Visit, course: Course) -> list[Submission]:
    wanted = visit.ids("assignment_ids")
    work = visit.work(course)
    if wanted - work.keys():
        raise Refused(refusal(403, {"error": "invalid assignment ids requested"}))
    rows = [item for id_, item in work.items() if not wanted or id_ in wanted]
    if state := visit.one("workflow_state"):
        rows = [item for item in rows if item.state == state]
    for parameter, field in SINCE.items():
        if text := visit.one(parameter):
            since = _since(parameter, text)
            rows = [item for item in rows if (getattr(item, field) or 0) > since]
    return rows


def _since(parameter: str, text: str) -> int:
    try:
        return instant(datetime.fromisoformat(text))
    except ValueError:
        told = {"errors": {parameter: f"Invalid datetime for {parameter}"}}
        raise Refused(refusal(400, told)) from None


def _page(visit: Visit, rows: list[Submission]) -> Page[Submission]:
    by_grading = visit.one("order") == "graded_at"
    if visit.one("order_direction") == "descending":
        return ordinal(
            visit.asked,
            sorted(rows, key=lambda row: (_graded(row, by_grading), row.id), reverse=True),
        )
    return bookmarked(visit.asked, rows, lambda row: (_graded(row, by_grading), row.id))


def _graded(row: Submission, by_grading: bool) -> int:  # noqa: FBT001  a private sort key
    return (row.graded_at or 0) if by_grading else 0


def _shape(visit: Visit, course: Course, item: Submission) -> dict[str, Any]:
    view = visit.view(course)
    shown = submission(item, view)
    if "assignment" in visit.includes:
        shown["assignment"] = assignment(item.assignment, view)
    if "course" in visit.includes:
        shown["course"] = course_shape(visit.seat(course), frozenset(), visit.domain)
    if "user" in visit.includes:
        shown["user"] = user(visit.student.person, visit.domain)
    if "visibility" in visit.includes:
        shown["assignment_visible"] = True
    return shown
