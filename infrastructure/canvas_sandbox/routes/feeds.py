"""Routes of lists over all courses: missing and upcoming work, and the planner."""

from collections.abc import Iterator
from typing import Any

from infrastructure.canvas_sandbox.error_responses import ErrorResponse, json_error
from infrastructure.canvas_sandbox.model import Assignment, Course, Submission
from infrastructure.canvas_sandbox.paginators import paginate_by_bookmark, paginate_by_number
from infrastructure.canvas_sandbox.sandbox_clock import DAY_SECONDS, parse_time
from infrastructure.canvas_sandbox.serializers.assignment import serialize_assignment
from infrastructure.canvas_sandbox.serializers.planner import serialize_planner_item
from infrastructure.canvas_sandbox.serializers.submission import is_missing
from infrastructure.canvas_sandbox.student_request import RouteResult, StudentRequest

DEFAULT_WINDOW_SECONDS = 14 * DAY_SECONDS
Row = tuple[Course, Assignment, Submission | None]


def list_missing_submissions(request: StudentRequest, user: str) -> RouteResult:
    """`GET /users/self/missing_submissions`: assignments past due without a submission."""
    request.require_self(user)
    wanted = request.id_parameter("course_ids")
    rows = [
        (course, item)
        for course, item, work in _student_rows(request)
        if (not wanted or course.id in wanted) and work and is_missing(work, request.now)
    ]
    page = paginate_by_number(
        request.list_request, sorted(rows, key=lambda row: (row[1].due_at or 0, row[1].id))
    )
    return RouteResult(
        [serialize_assignment(item, request.view(course)) for course, item in page.items],
        page.link_header,
    )


def list_todo_items(request: StudentRequest, user: str) -> RouteResult:
    """`GET /users/self/todo`: assignments due within a week without a submission."""
    request.require_self(user)
    page = paginate_by_number(request.list_request, list(_rows_due_soon(request)))
    shown = [
        {
            "type": "submitting",
            "assignment": serialize_assignment(item, request.view(course)),
            "ignore": f"https://{request.domain}/api/v1/users/self/todo/assignment_{item.id}",
            "html_url": f"https://{request.domain}/courses/{course.id}/assignments/{item.id}#submit",
            "context_type": "Course",
            "course_id": course.id,
            "context_name": course.name,
        }
        for course, item in page.items
    ]
    return RouteResult(shown, page.link_header, is_cacheable=False)


def list_upcoming_events(request: StudentRequest, user: str) -> RouteResult:
    """`GET /users/self/upcoming_events`: ids are strings such as `assignment_10001`."""
    request.require_self(user)
    shown = [
        {
            "id": f"assignment_{item.id}",
            "title": item.name,
            "type": "assignment",
            "context_code": f"course_{course.id}",
            "assignment": serialize_assignment(item, request.view(course)),
        }
        for course, item in _rows_due_soon(request)
    ]
    return RouteResult(shown, is_cacheable=False)


def list_user_planner_items(request: StudentRequest, user: str) -> RouteResult:
    """`GET /users/self/planner/items`."""
    request.require_self(user)
    return list_planner_items(request)


def list_planner_items(request: StudentRequest) -> RouteResult:
    """`GET /planner/items`: items with a due date between two dates."""
    start = _parse_date(request, "start_date", request.now - DEFAULT_WINDOW_SECONDS)
    end = _parse_date(request, "end_date", request.now + DEFAULT_WINDOW_SECONDS)
    codes = set(request.list_parameter("context_codes"))
    rows = [
        row
        for row in _student_rows(request)
        if start <= (row[1].due_at or 0) <= end and (not codes or f"course_{row[0].id}" in codes)
    ]
    sign = -1 if request.parameter("order") == "desc" else 1
    page = paginate_by_bookmark(
        request.list_request, rows, lambda row: (sign * (row[1].due_at or 0), sign * row[1].id)
    )
    return RouteResult([_planner_document(request, *row) for row in page.items], page.link_header)


def _student_rows(request: StudentRequest) -> Iterator[Row]:
    for course in request.state.courses_of(request.student):
        if not course.restricted:
            work = request.state.work(request.student, course)
            yield from (
                (course, item, work.get(item.id)) for item in course.published_assignments()
            )


def _rows_due_soon(request: StudentRequest) -> Iterator[tuple[Course, Assignment]]:
    for course, item, work in _student_rows(request):
        due = item.due_at or 0
        if (
            request.now <= due <= request.now + 7 * DAY_SECONDS
            and work
            and work.submitted_at is None
        ):
            yield course, item


def _planner_document(
    request: StudentRequest, course: Course, item: Assignment, work: Submission | None
) -> dict[str, Any]:
    name = request.student.enrollments[course.id].nickname or course.name
    return serialize_planner_item(item, work, course, name, request.now)


def _parse_date(request: StudentRequest, parameter: str, default: int) -> int:
    text = request.parameter(parameter)
    try:
        return parse_time(text) if text else default
    except ValueError:
        document = {"errors": {parameter: f"Invalid date or datetime for {parameter}"}}
        raise ErrorResponse(json_error(400, document)) from None
