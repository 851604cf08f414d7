"""Routes of lists over all courses: missing and upcoming work, and the planner."""

from collections.abc import Iterator
from typing import NamedTuple

from infrastructure.canvas_sandbox.error_responses import ErrorResponse, json_error
from infrastructure.canvas_sandbox.model import Assignment, Course, Submission
from infrastructure.canvas_sandbox.paginators import paginate_by_bookmark, paginate_by_number
from infrastructure.canvas_sandbox.sandbox_clock import DAY_SECONDS, parse_time
from infrastructure.canvas_sandbox.serializers.assignment import serialize_assignment
from infrastructure.canvas_sandbox.serializers.planner import PlannedItem, serialize_planner_item
from infrastructure.canvas_sandbox.student_request import RouteResult, StudentRequest
from infrastructure.canvas_sandbox.submission_flags import is_missing

DEFAULT_WINDOW_SECONDS = 14 * DAY_SECONDS


class Row(NamedTuple):
    """An assignment of a course, or a part of it, with the submission of the student.

    `whole` is the assignment to which a part belongs.
    """

    course: Course
    item: Assignment
    work: Submission | None
    whole: Assignment | None = None


def list_missing_submissions(request: StudentRequest, user: str) -> RouteResult:
    """`GET /users/self/missing_submissions`: assignments past due without a submission."""
    request.require_self(user)
    wanted = request.id_parameter("course_ids")
    rows = [
        row
        for row in _student_rows(request)
        if (not wanted or row.course.id in wanted)
        and row.work
        and is_missing(row.work, request.now)
    ]
    page = paginate_by_number(
        request.list_request, sorted(rows, key=lambda row: (row.item.due_at or 0, row.item.id))
    )
    shown = [serialize_assignment(row.item, request.view(row.course)) for row in page.items]
    return RouteResult(shown, page.link_header)


def list_todo_items(request: StudentRequest, user: str) -> RouteResult:
    """`GET /users/self/todo`: assignments due within a week without a submission."""
    request.require_self(user)
    page = paginate_by_number(request.list_request, list(_rows_due_soon(request)))
    shown = [
        {
            "type": "submitting",
            "assignment": serialize_assignment(item, request.view(course)),
            "ignore": f"https://{request.domain}/api/v1/users/self/todo/assignment_{item.id}",
            "html_url": f"{request.view(course).page_url}/assignments/{item.id}#submit",
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
    """`GET /planner/items`: items with a due date between two dates, and parts of items."""
    start = _parse_date(request, "start_date", request.now - DEFAULT_WINDOW_SECONDS)
    end = _parse_date(request, "end_date", request.now + DEFAULT_WINDOW_SECONDS)
    codes = set(request.list_parameter("context_codes"))
    rows = [
        row
        for whole in _student_rows(request)
        for row in (whole, *_part_rows(whole))
        if start <= (row.item.due_at or 0) <= end
        and (not codes or f"course_{row.course.id}" in codes)
    ]
    sign = -1 if request.parameter("order") == "desc" else 1
    page = paginate_by_bookmark(
        request.list_request,
        rows,
        lambda row: (sign * (row.item.due_at or 0), sign * row.item.id),
    )
    shown = [serialize_planner_item(_planned(request, row)) for row in page.items]
    return RouteResult(shown, page.link_header)


def _student_rows(request: StudentRequest) -> Iterator[Row]:
    """The work of the courses in which the user is a student now."""
    for listed in request.state.list_courses(request.student):
        course = listed.course
        if not course.restricted and any(item.role == "student" for item in listed.enrollments):
            work = request.state.work(request.student, course)
            yield from (
                Row(course, item, work.get(item.id)) for item in course.published_assignments()
            )


def _part_rows(whole: Row) -> Iterator[Row]:
    for part in whole.item.parts:
        work = whole.work.part(part.tag or "") if whole.work else None
        yield Row(whole.course, part, work, whole.item)


def _rows_due_soon(request: StudentRequest) -> Iterator[tuple[Course, Assignment]]:
    for row in _student_rows(request):
        due = row.item.due_at or 0
        if (
            request.now <= due <= request.now + 7 * DAY_SECONDS
            and row.work
            and row.work.submitted_at is None
        ):
            yield row.course, row.item


def _planned(request: StudentRequest, row: Row) -> PlannedItem:
    name = request.student.seats[row.course.id].nickname or row.course.name
    now, domain = request.now, request.domain
    return PlannedItem(row.course, name, row.item, row.work, now, domain, row.whole)


def _parse_date(request: StudentRequest, parameter: str, default: int) -> int:
    text = request.parameter(parameter)
    try:
        return parse_time(text) if text else default
    except ValueError:
        document = {"errors": {parameter: f"Invalid date or datetime for {parameter}"}}
        raise ErrorResponse(json_error(400, document)) from None
