"""Routes of assignment groups and assignments."""

from collections.abc import Callable
from typing import Any

from infrastructure.canvas_sandbox.error_responses import ErrorResponse, record_not_found
from infrastructure.canvas_sandbox.model import Assignment, Course, Group, Submission
from infrastructure.canvas_sandbox.paginators import paginate_by_number
from infrastructure.canvas_sandbox.sandbox_clock import DAY_SECONDS
from infrastructure.canvas_sandbox.score_statistics import may_show_statistics
from infrastructure.canvas_sandbox.serializers.assignment import (
    is_in_closed_period,
    serialize_assignment,
    serialize_group,
)
from infrastructure.canvas_sandbox.serializers.submission import serialize_submission
from infrastructure.canvas_sandbox.serializers.view import CourseView
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
    groups = sorted(selected.groups, key=lambda item: item.position)
    page = paginate_by_number(request.list_request, groups)
    shown = [_group_document(request, selected, item) for item in page.items]
    return RouteResult(shown, page.link_header, selected)


def show_group(request: StudentRequest, course: str, id_: str) -> RouteResult:
    """`GET /courses/:id/assignment_groups/:id`."""
    selected = request.require_course(course)
    for item in selected.groups:
        if item.id == parse_canvas_id(id_):
            return RouteResult(_group_document(request, selected, item), course=selected)
    raise ErrorResponse(record_not_found())


def list_assignments(request: StudentRequest, course: str) -> RouteResult:
    """`GET /courses/:id/assignments`."""
    selected = request.require_course(course)
    page = paginate_by_number(request.list_request, _sort(request, _filter(request, selected)))
    view = request.view(selected)
    shown = [_assignment_document(request, item, view) for item in page.items]
    return RouteResult(shown, page.link_header, selected)


def show_assignment(request: StudentRequest, course: str, id_: str) -> RouteResult:
    """`GET /courses/:id/assignments/:id`."""
    selected = request.require_course(course)
    shown = request.require_assignment(selected, id_)
    return RouteResult(
        _assignment_document(request, shown, request.view(selected)), course=selected
    )


def _group_document(request: StudentRequest, course: Course, subject: Group) -> dict[str, Any]:
    shown = serialize_group(subject)
    if "assignments" not in request.includes:
        return shown
    view = request.view(course)._replace(checkpoints=request.state.checkpoints_in_groups)
    unwanted = set(request.list_parameter("exclude_assignment_submission_types"))
    in_group = [
        item
        for item in filter_by_ids(
            request.id_parameter("assignment_ids"), request.visible_assignments(course)
        )
        if item.group is subject and item.submission_type not in unwanted
    ]
    shown["assignments"] = [_assignment_document(request, item, view) for item in in_group]
    if "in_closed_grading_period" not in request.excludes:
        shown["any_assignment_in_closed_grading_period"] = any(
            is_in_closed_period(item, view) for item in in_group
        )
    return shown


def _assignment_document(
    request: StudentRequest, item: Assignment, view: CourseView
) -> dict[str, Any]:
    shown = serialize_assignment(item, view)
    if "submission" not in request.includes:
        return shown
    work = request.all_work(view.course).get(item.id)
    if work is None:
        return shown
    shown["submission"] = serialize_submission(work, view)
    if "score_statistics" in request.includes and may_show_statistics(view.course, work):
        statistics = request.state.statistics(view.course, item)
        if statistics is not None:
            shown["score_statistics"] = statistics._asdict()
    return shown


def _filter(request: StudentRequest, course: Course) -> list[Assignment]:
    selected: list[Assignment] = filter_by_ids(
        request.id_parameter("assignment_ids"), request.visible_assignments(course)
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
    return is_open and item.expects_submission


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
