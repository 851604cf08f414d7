"""Finds what differs between two views of a connection: one item for each difference."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from domain.canvas import visible_score
from interfaces.queries.past_views.past_views import PastView
from interfaces.queries.sentence_parts import at_time, counted, number, quoted, score_change

Document = dict[str, Any]

SUBMISSION_MEMBERS = ("state", "submitted_at", "excused", "late", "missing", "attempt")
"""What is compared of a submission beside its score."""


class Change(NamedTuple):
    """A difference of a course, or of an assignment, between two views."""

    kind: str
    sentence: str
    course: Document
    assignment: Document | None = None
    before: Any = None
    after: Any = None


def view_changes(before: PastView, after: PastView) -> Iterator[Change]:
    """Yield what differs, by course and assignment.

    With a new course come its assignments, which are counted; so are those of a withdrawn one.
    """
    old, new = _ViewIndex(before), _ViewIndex(after)
    for id_, course in new.courses.items():
        earlier = old.courses.get(id_)
        if earlier is None:
            yield _new_course(course, new)
            continue
        yield from _course_changes(earlier, course)
        if course["state"] == "withdrawn" or earlier["state"] == "withdrawn":
            continue
        yield from _assignments_changes(old.of_course(id_), new.of_course(id_), course)


class _ViewIndex:
    """The courses of a view by id, and the assignments of each."""

    def __init__(self, view: PastView) -> None:
        self.courses = {each["id"]: each for each in map(orjson.loads, view.courses)}
        self._assignments: dict[str, dict[str, Document]] = {}
        for item in map(orjson.loads, view.assignments):
            self._assignments.setdefault(item["course_id"], {})[item["id"]] = item

    def of_course(self, id_: str) -> dict[str, Document]:
        return self._assignments.get(id_, {})


def _new_course(course: Document, view: _ViewIndex) -> Change:
    assignments = list(view.of_course(course["id"]).values())
    graded = sum(1 for each in assignments if _score_of(each))
    sentence = (
        f"Course {_course_name(course)} appeared with"
        f" {counted(len(assignments), 'assignment')}, {graded:,} of them graded."
    )
    after = {"state": course["state"], "assignments": len(assignments), "graded": graded}
    return Change("course_added", sentence, course, after=after)


def _course_changes(old: Document, new: Document) -> Iterator[Change]:
    name = f"Course {_course_name(new)}"
    if old["state"] != new["state"]:
        kind = "course_withdrawn" if new["state"] == "withdrawn" else "course_state_changed"
        sentence = f"{name} changed from {old['state']} to {new['state']}."
        yield Change(kind, sentence, new, None, old["state"], new["state"])
    if old["name"] != new["name"] and new["name"]:
        sentence = f"Course {_course_name(old)} was renamed to {_course_name(new)}."
        yield Change("course_renamed", sentence, new, None, old["name"], new["name"])
    before, after = (
        visible_score(each["current_score"], each["current_grade"]) for each in (old, new)
    )
    if before != after:
        change = score_change(before, after, None)
        sentence = f"Total of {_course_name(new)} in per cent {change}."
        yield Change("total_changed", sentence, new, None, before, after)


def _assignments_changes(
    old: Mapping[str, Document], new: Mapping[str, Document], course: Document
) -> Iterator[Change]:
    for id_, assignment in new.items():
        if earlier := old.get(id_):
            yield from _assignment_changes(earlier, assignment, course)
        else:
            due_at, points = assignment["due_at"], assignment["points_possible"]
            when = f"due {at_time(due_at)}" if due_at else "without a due date"
            worth = "" if points is None else f", {number(points)} points"
            sentence = f"Assignment {_place(assignment, course)} was added ({when}{worth})."
            after = {"due_at": due_at, "points_possible": points}
            yield Change("assignment_added", sentence, course, assignment, after=after)
    for id_, assignment in old.items():
        if id_ not in new:
            due_at, points = assignment["due_at"], assignment["points_possible"]
            sentence = f"Assignment {_place(assignment, course)} is no longer shown."
            before = {"due_at": due_at, "points_possible": points}
            yield Change("assignment_removed", sentence, course, assignment, before)


def _assignment_changes(old: Document, new: Document, course: Document) -> Iterator[Change]:
    place = _place(new, course)
    if old["name"] != new["name"]:
        sentence = f"Assignment {_place(old, course)} was renamed to {_assignment_name(new)}."
        yield Change("assignment_renamed", sentence, course, new, old["name"], new["name"])
    if old["due_at"] != new["due_at"]:
        dates = (old["due_at"], new["due_at"])
        yield Change(
            "due_date_changed", f"Due date of {place} {_moved(*dates)}.", course, new, *dates
        )
    points = (old["points_possible"], new["points_possible"])
    if points[0] != points[1]:
        sentence = f"Points of {place} changed from {number(points[0])} to {number(points[1])}."
        yield Change("points_changed", sentence, course, new, *points)
    scores = (_score_of(old), _score_of(new))
    if scores[0] != scores[1]:
        sentence = f"Grade of {place} {score_change(*scores, points[1])}."
        yield Change("grade_changed", sentence, course, new, *scores)
    submissions = (_submission_of(old), _submission_of(new))
    if submissions[0] != submissions[1]:
        sentence = f"Submission to {place} changed: {_describe_submission(*submissions)}."
        yield Change("submission_changed", sentence, course, new, *submissions)


def _moved(before: str | None, after: str | None) -> str:
    if before is None:
        return f"was set to {at_time(after)}"
    if after is None:
        return f"was removed; it was {at_time(before)}"
    return f"moved from {at_time(before)} to {at_time(after)}"


def _score_of(assignment: Document) -> Any:
    submission = assignment["submission"]
    return visible_score(submission["score"], submission["grade"]) if submission else None


def _submission_of(assignment: Document) -> Document | None:
    submission = assignment["submission"]
    return submission and {member: submission[member] for member in SUBMISSION_MEMBERS}


def _describe_submission(before: Document | None, after: Document | None) -> str:
    """Return the members that differ, such as `state from unsubmitted to submitted`."""
    if before is None or after is None:
        return "Canvas shows it now" if after else "Canvas shows it no longer"
    return ", ".join(
        f"{member.replace('_', ' ')} from {_value(before[member])} to {_value(after[member])}"
        for member in SUBMISSION_MEMBERS
        if before[member] != after[member]
    )


def _value(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case None:
            return "none"
        case str() if "T" in value:
            return at_time(value)
        case _:
            return str(value)


def _place(assignment: Document, course: Document) -> str:
    return f"{_assignment_name(assignment)} in {_course_name(course)}"


def _assignment_name(assignment: Document) -> str:
    return quoted(assignment["name"], f"the assignment {assignment['canvas_id']}")


def _course_name(course: Document) -> str:
    return quoted(course["name"], f"the course {course['canvas_id']}")
