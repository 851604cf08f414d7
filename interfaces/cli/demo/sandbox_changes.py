"""Changes the data of the sandbox between the two syncs of the demo."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from infrastructure.canvas_sandbox.control import Control

DUE_DATE_EXTENSION = timedelta(days=3)

Document = dict[str, Any]


class GradeToSet(NamedTuple):
    """A grade in points that a teacher could set: the assignment, and another score than now."""

    assignment_id: str
    name: str
    score: float


def find_grade_to_set(control: Control) -> GradeToSet | None:
    """Return a grade that the student sees, with another score; None if there is none."""
    item = _lowest_grade(list(_visible_assignments(control)))
    return GradeToSet(item["id"], item["name"], _changed_score(item)) if item else None


def apply_changes(control: Control) -> list[str]:
    """Change grades of two assignments and the due date of a third, as far as there are any.

    Returns one line of text for each change. If no submission is ungraded, a hidden grade is posted
    instead.
    """
    assignments = list(_visible_assignments(control))
    regraded = _lowest_grade(assignments)
    graded = next((item for item in assignments if item["state"] == "submitted"), None)
    hidden = next((item for item in assignments if _has_points(item) and not item["posted"]), None)
    extended = next((item for item in assignments if _is_due_later(item)), None)
    descriptions = []
    if regraded:
        control.set_grade(regraded["id"], _changed_score(regraded))
        descriptions.append(
            f"{regraded['name']}: {regraded['score']:g} → {_changed_score(regraded):g} points"
        )
    if graded:
        control.set_grade(graded["id"], graded["points_possible"] or 1.0)
        descriptions.append(f"{graded['name']}: graded for the first time")
    elif hidden:
        control.post_grades(hidden["id"])
        descriptions.append(f"{hidden['name']}: hidden grade posted")
    if extended:
        due_at = datetime.fromisoformat(extended["due_at"]) + DUE_DATE_EXTENSION
        control.move_due_date(extended["id"], due_at)
        descriptions.append(f"{extended['name']}: due date moved by 3 days to {due_at:%d %B}")
    return descriptions


def _visible_assignments(control: Control) -> Iterator[Document]:
    for course in control.courses():
        if course["present"] and not course["restricted"] and not course["concluded"]:
            yield from (
                assignment
                for assignment in control.assignments(course["id"])
                if assignment["present"] and assignment["assigned"]
            )


def _lowest_grade(assignments: list[Document]) -> Document | None:
    """Return the assignment whose final grade is the lowest of those above 0, if there is one."""
    seen = [
        item
        for item in assignments
        if _has_points(item) and item["state"] == "graded" and item["posted"] and item["score"]
    ]
    return min(seen, key=lambda item: item["score"] / (item["points_possible"] or 1), default=None)


def _has_points(assignment: Document) -> bool:
    return (
        assignment["grading_type"] == "points"
        and assignment["score"] is not None
        and not assignment["excused"]
    )


def _changed_score(assignment: Document) -> float:
    """Return another score: halfway to full points, or nine tenths if the score is full."""
    score, possible = float(assignment["score"]), float(assignment["points_possible"])
    return round((score + possible) / 2 if score < possible else possible * 0.9, 1)


def _is_due_later(assignment: Document) -> bool:
    return assignment["due_at"] is not None and datetime.fromisoformat(
        assignment["due_at"]
    ) > datetime.now(UTC)
