"""Assignment groups, and assignments alone."""

from collections.abc import Callable
from typing import Any

from infrastructure.canvas_sandbox.error_responses import Refused, no_such_record
from infrastructure.canvas_sandbox.model import Assignment, Course, Group, Submission
from infrastructure.canvas_sandbox.paginators import ordinal
from infrastructure.canvas_sandbox.sandbox_clock import DAY
from infrastructure.canvas_sandbox.serializers.assignment import assignment
from infrastructure.canvas_sandbox.serializers.assignment import group as group_shape
from infrastructure.canvas_sandbox.serializers.submission import NOT_HANDED_IN, submission
from infrastructure.canvas_sandbox.student_request import Reply, Visit, chosen, number_of

Bucket = Callable[[Assignment, Submission | None, int], bool]


def groups(visit: Visit, course: str) -> Reply:
    """`GET /courses/:id/assignment_groups`: pages count groups, all assignments come inline."""
    found = visit.course(course)
    page = ordinal(visit.asked, found.groups)
    members = _members(visit, found)
    shown = [_group(visit, item, members) for item in page.items]
    return Reply(shown, page.link, found)


def group(visit: Visit, course: str, id_: str) -> Reply:
    """`GET /courses/:id/assignment_groups/:id`."""
    found = visit.course(course)
    for item in found.groups:
        if item.id == number_of(id_):
            return Reply(_group(visit, item, _members(visit, found)), course=found)
    raise Refused(no_such_record())


def listed(visit: Visit, course: str) -> Reply:
    """`GET /courses/:id/assignments`."""
    found = visit.course(course)
    page = ordinal(visit.asked, _ordered(visit, _searched(visit, found)))
    return Reply([_shape(visit, found, item) for item in page.items], page.link, found)


def single(visit: Visit, course: str, id_: str) -> Reply:
    """`GET /courses/:id/assignments/:id`."""
    found = visit.course(course)
    return Reply(_shape(visit, found, visit.assignment(found, id_)), course=found)


def _members(visit: Visit, course: Course) -> dict[int, list[dict[str, Any]]] | None:
    if "assignments" not in visit.includes:
        return None
    unwanted = set(visit.many("exclude_assignment_submission_types"))
    members: dict[int, list[dict[str, Any]]] = {}
    for item in chosen(visit.ids("assignment_ids"), course.shown()):
        if item.submission_type not in unwanted:
            members.setdefault(item.group.id, []).append(_shape(visit, course, item))
    return members


def _group(
    visit: Visit, subject: Group, members: dict[int, list[dict[str, Any]]] | None
) -> dict[str, Any]:
    shown = group_shape(subject)
    if members is not None:
        shown["assignments"] = members.get(subject.id, [])
        if "in_closed_grading_period" not in visit.excludes:
            shown["any_assignment_in_closed_grading_period"] = False
    return shown


def _shape(visit: Visit, course: Course, item: Assignment) -> dict[str, Any]:
    view = visit.view(course)
    shown = assignment(item, view)
    if "submission" in visit.includes:
        work = visit.campus.work(visit.student, course).get(item.id)
        if work:
            shown["submission"] = submission(work, view)
    return shown


def _searched(visit: Visit, course: Course) -> list[Assignment]:
    found: list[Assignment] = chosen(visit.ids("assignment_ids"), course.shown())
    if term := visit.one("search_term"):
        found = [item for item in found if term.casefold() in item.name.casefold()]
    if within := BUCKETS.get(visit.one("bucket") or ""):
        work = visit.work(course)
        found = [item for item in found if within(item, work.get(item.id), visit.now)]
    return found


def _ordered(visit: Visit, items: list[Assignment]) -> list[Assignment]:
    match visit.one("order_by"):
        case "name":
            return sorted(items, key=lambda item: item.name.casefold())
        case "due_at":
            return sorted(items, key=lambda item: (item.due_at is None, item.due_at or 0))
        case _:
            return items


def _is_open(item: Assignment, work: Submission | None) -> bool:
    undone = work is not None and work.submitted_at is None and work.graded_at is None
    return undone and item.submission_type not in NOT_HANDED_IN


BUCKETS: dict[str, Bucket] = {
    "past": lambda item, _, now: item.due_at is not None and item.due_at < now,
    "overdue": lambda item, work, now: (
        item.due_at is not None and item.due_at < now and _is_open(item, work)
    ),
    "undated": lambda item, _, __: item.due_at is None,
    "ungraded": lambda _, work, __: work is not None and work.state == "submitted",
    "unsubmitted": lambda item, work, _: _is_open(item, work),
    "upcoming": lambda item, _, now: (
        item.due_at is not None and now <= item.due_at <= now + 7 * DAY
    ),
    "future": lambda item, _, now: item.due_at is None or item.due_at >= now,
}
