"""Routes of the student's submissions: of one course, or of all courses."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from infrastructure.canvas_sandbox.error_responses import (
    ErrorResponse,
    json_error,
    record_not_found,
)
from infrastructure.canvas_sandbox.model import Course, Submission
from infrastructure.canvas_sandbox.paginators import Page, paginate_by_bookmark, paginate_by_number
from infrastructure.canvas_sandbox.sandbox_clock import parse_time
from infrastructure.canvas_sandbox.serializers.assignment import serialize_assignment
from infrastructure.canvas_sandbox.serializers.course import serialize_course
from infrastructure.canvas_sandbox.serializers.person import serialize_user
from infrastructure.canvas_sandbox.serializers.submission import serialize_submission
from infrastructure.canvas_sandbox.serializers.view import CourseView
from infrastructure.canvas_sandbox.student_request import RouteResult, StudentRequest

NO_FIELDS: frozenset[str] = frozenset()
SINCE_FIELDS = {"submitted_since": "submitted_at", "graded_since": "graded_at"}


def list_student_submissions(request: StudentRequest, course: str) -> RouteResult:
    """`GET /courses/:id/students/submissions`: bookmarked pages, numbered if newest first."""
    selected = request.require_course(course)
    for student in request.list_parameter("student_ids"):
        if student not in ("self", "all", str(request.student.person.id)):
            raise request.access_denied()
    page = _page(request, _filter(request, selected))
    view = request.view(selected)
    shown = [_submission_document(request, item, view) for item in page.items]
    if request.is_set("grouped"):
        user_id = request.student.person.id
        return RouteResult(
            [{"user_id": user_id, "section_id": selected.id, "submissions": shown}], course=selected
        )
    return RouteResult(shown, page.link_header, selected)


def show_submission(
    request: StudentRequest, course: str, assignment_id: str, user_id: str
) -> RouteResult:
    """`GET /courses/:id/assignments/:id/submissions/self`."""
    request.require_self(user_id)
    selected = request.require_course(course)
    item = request.work(selected).get(request.require_assignment(selected, assignment_id).id)
    if item is None:
        raise ErrorResponse(record_not_found())
    return RouteResult(_submission_document(request, item, request.view(selected)), course=selected)


def list_graded_submissions(request: StudentRequest, user_id: str) -> RouteResult:
    """`GET /users/self/graded_submissions`: of all courses, newest `graded_at` first.

    Like Canvas, it contains restricted courses and submissions whose grade is not posted, ignores
    `exclude_response_fields[]`, and lists those of a course once for each current enrollment if
    `only_current_enrollments` is set.
    """
    request.require_self(user_id)
    rows = [
        (course, item)
        for course, times in _courses_with_graded_work(request)
        for item in request.state.work(request.student, course).values()
        if item.state == "graded"
        and (item.assignment.present or not request.is_set("only_published_assignments"))
        for _ in range(times)
    ]
    page = paginate_by_bookmark(
        request.list_request, rows, lambda pair: (-(pair[1].graded_at or 0), -pair[1].id)
    )
    return RouteResult(
        [
            _submission_document(request, item, request.view(course)._replace(excludes=NO_FIELDS))
            for course, item in page.items
        ],
        page.link_header,
    )


def _courses_with_graded_work(request: StudentRequest) -> Iterator[tuple[Course, int]]:
    """The courses of the student, and how many times each submission of it is listed."""
    only_current = request.is_set("only_current_enrollments")
    for course in request.state.courses.values():
        seat = request.student.seats.get(course.id)
        if seat is None or not seat.has_work:
            continue
        if not only_current:
            yield course, 1
        elif course.state == "available":
            roles = [item.role for item in seat.enrollments if item.state == "active"]
            yield course, roles.count("student")


def _filter(request: StudentRequest, course: Course) -> list[Submission]:
    wanted = request.id_parameter("assignment_ids")
    work = request.work(course)
    if wanted - work.keys():
        raise ErrorResponse(json_error(403, {"error": "invalid assignment ids requested"}))
    rows = [item for id_, item in work.items() if not wanted or id_ in wanted]
    if state := request.parameter("workflow_state"):
        rows = [item for item in rows if item.state == state]
    for parameter, field in SINCE_FIELDS.items():
        if text := request.parameter(parameter):
            since = _parse_since(parameter, text)
            rows = [item for item in rows if (getattr(item, field) or 0) > since]
    return rows


def _parse_since(parameter: str, text: str) -> int:
    try:
        return parse_time(datetime.fromisoformat(text))
    except ValueError:
        document = {"errors": {parameter: f"Invalid datetime for {parameter}"}}
        raise ErrorResponse(json_error(400, document)) from None


def _page(request: StudentRequest, rows: list[Submission]) -> Page[Submission]:
    by_grading = request.parameter("order") == "graded_at"
    if request.parameter("order_direction") == "descending":
        return paginate_by_number(
            request.list_request,
            sorted(rows, key=lambda row: (_graded_key(row, by_grading), row.id), reverse=True),
        )
    return paginate_by_bookmark(
        request.list_request, rows, lambda row: (_graded_key(row, by_grading), row.id)
    )


def _graded_key(row: Submission, by_grading: bool) -> int:  # noqa: FBT001  a private sort key
    return (row.graded_at or 0) if by_grading else 0


def _submission_document(
    request: StudentRequest, item: Submission, view: CourseView
) -> dict[str, Any]:
    shown = serialize_submission(item, view)
    if "assignment" in request.includes:
        shown["assignment"] = serialize_assignment(item.assignment, view)
    if "course" in request.includes:
        enrolled = request.enrolled_course(request.listed_alone(view.course))
        shown["course"] = serialize_course(enrolled, frozenset(), request.domain)
    if "user" in request.includes:
        shown["user"] = serialize_user(request.student.person, request.domain)
    if "visibility" in request.includes:
        shown["assignment_visible"] = True
    return shown
