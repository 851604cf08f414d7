"""Routes of assignment groups and assignments."""

from collections.abc import Callable
from typing import Any

from infrastructure.canvas_sandbox.error_responses import ErrorResponse, record_not_found
from infrastructure.canvas_sandbox.model import Assignment, Course, Group, Submission
from infrastructure.canvas_sandbox.paginators import paginate_by_number
from infrastructure.canvas_sandbox.sandbox_clock import DAY_SECONDS
from infrastructure.canvas_sandbox.serializers.assignment import (
    serialize_assignment,
    serialize_group,
)
from infrastructure.canvas_sandbox.serializers.submission import (
    TYPES_NOT_SUBMITTED_ONLINE,
    serialize_submission,
)
from infrastructure.canvas_sandbox.student_request import (
    RouteResult,
    StudentRequest,
    filter_by_ids,
    parse_canvas_id,
)

AssignmentFilter = Callable[[Assignment, Submission | None, int], bool]


def list_groups(request: StudentRequest, course: str) -> RouteResult:
    """`GET /courses/:id/assignment_groups`: a page has whole groups, with all assignments."""
    selected = request.require_course(course)
    page = paginate_by_number(request.list_request, selected.groups)
    assignments_by_group = _assignments_by_group(request, selected)
    shown = [_group_document(request, item, assignments_by_group) for item in page.items]
    return RouteResult(shown, page.link_header, selected)


def show_group(request: StudentRequest, course: str, id_: str) -> RouteResult:
    """`GET /courses/:id/assignment_groups/:id`."""
    selected = request.require_course(course)
    for item in selected.groups:
        if item.id == parse_canvas_id(id_):
            return RouteResult(
                _group_document(request, item, _assignments_by_group(request, selected)),
                course=selected,
            )
    raise ErrorResponse(record_not_found())


def list_assignments(request: StudentRequest, course: str) -> RouteResult:
    """`GET /courses/:id/assignments`."""
    selected = request.require_course(course)
    page = paginate_by_number(request.list_request, _sort(request, _filter(request, selected)))
    return RouteResult(
        [_assignment_document(request, selected, item) for item in page.items],
        page.link_header,
        selected,
    )


def show_assignment(request: StudentRequest, course: str, id_: str) -> RouteResult:
    """`GET /courses/:id/assignments/:id`."""
    selected = request.require_course(course)
    return RouteResult(
        _assignment_document(request, selected, request.require_assignment(selected, id_)),
        course=selected,
    )


def _assignments_by_group(
    request: StudentRequest, course: Course
) -> dict[int, list[dict[str, Any]]] | None:
    if "assignments" not in request.includes:
        return None
    unwanted = set(request.list_parameter("exclude_assignment_submission_types"))
    assignments_by_group: dict[int, list[dict[str, Any]]] = {}
    for item in filter_by_ids(
        request.id_parameter("assignment_ids"), course.published_assignments()
    ):
        if item.submission_type not in unwanted:
            assignments_by_group.setdefault(item.group.id, []).append(
                _assignment_document(request, course, item)
            )
    return assignments_by_group


def _group_document(
    request: StudentRequest,
    subject: Group,
    assignments_by_group: dict[int, list[dict[str, Any]]] | None,
) -> dict[str, Any]:
    shown = serialize_group(subject)
    if assignments_by_group is not None:
        shown["assignments"] = assignments_by_group.get(subject.id, [])
        if "in_closed_grading_period" not in request.excludes:
            shown["any_assignment_in_closed_grading_period"] = False
    return shown


def _assignment_document(
    request: StudentRequest, course: Course, item: Assignment
) -> dict[str, Any]:
    view = request.view(course)
    shown = serialize_assignment(item, view)
    if "submission" in request.includes:
        work = request.state.work(request.student, course).get(item.id)
        if work:
            shown["submission"] = serialize_submission(work, view)
    return shown


def _filter(request: StudentRequest, course: Course) -> list[Assignment]:
    selected: list[Assignment] = filter_by_ids(
        request.id_parameter("assignment_ids"), course.published_assignments()
    )
    if term := request.parameter("search_term"):
        selected = [item for item in selected if term.casefold() in item.name.casefold()]
    if matches := BUCKETS.get(request.parameter("bucket") or ""):
        work = request.work(course)
        selected = [item for item in selected if matches(item, work.get(item.id), request.now)]
    return selected


def _sort(request: StudentRequest, items: list[Assignment]) -> list[Assignment]:
    match request.parameter("order_by"):
        case "name":
            return sorted(items, key=lambda item: item.name.casefold())
        case "due_at":
            return sorted(items, key=lambda item: (item.due_at is None, item.due_at or 0))
        case _:
            return items


def _awaits_submission(item: Assignment, work: Submission | None) -> bool:
    is_open = work is not None and work.submitted_at is None and work.graded_at is None
    return is_open and item.submission_type not in TYPES_NOT_SUBMITTED_ONLINE


BUCKETS: dict[str, AssignmentFilter] = {
    "past": lambda item, _, now: item.due_at is not None and item.due_at < now,
    "overdue": lambda item, work, now: (
        item.due_at is not None and item.due_at < now and _awaits_submission(item, work)
    ),
    "undated": lambda item, _, __: item.due_at is None,
    "ungraded": lambda _, work, __: work is not None and work.state == "submitted",
    "unsubmitted": lambda item, work, _: _awaits_submission(item, work),
    "upcoming": lambda item, _, now: (
        item.due_at is not None and now <= item.due_at <= now + 7 * DAY_SECONDS
    ),
    "future": lambda item, _, now: item.due_at is None or item.due_at >= now,
}
