"""What happens in the sandbox between the two syncs: grades, and a due date moved."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from infrastructure.canvas_sandbox.control import Control

LONGER = timedelta(days=3)

Document = dict[str, Any]


def change(control: Control) -> list[str]:
    """Regrade one assignment, grade another, give more time for a third; says what was done."""
    work = list(_visible(control))
    regraded = next((each for each in work if _has_points(each) and each["posted"]), None)
    graded = next((each for each in work if each["state"] == "submitted"), None)
    hidden = next((each for each in work if _has_points(each) and not each["posted"]), None)
    longer = next((each for each in work if _is_due_later(each)), None)
    said = []
    if regraded:
        control.set_grade(regraded["id"], _another(regraded))
        said.append(f"{regraded['name']}: {regraded['score']:g} → {_another(regraded):g} points")
    if graded:
        control.set_grade(graded["id"], graded["points_possible"] or 1.0)
        said.append(f"{graded['name']}: graded for the first time")
    elif hidden:
        control.post_grades(hidden["id"])
        said.append(f"{hidden['name']}: the grade is shown now")
    if longer:
        due_at = datetime.fromisoformat(longer["due_at"]) + LONGER
        control.move_due_date(longer["id"], due_at)
        said.append(f"{longer['name']}: due {due_at:%d %B} instead of 3 days earlier")
    return said


def _visible(control: Control) -> Iterator[Document]:
    for course in control.courses():
        if course["present"] and not course["restricted"] and not course["concluded"]:
            yield from (
                each
                for each in control.assignments(course["id"])
                if each["present"] and each["assigned"]
            )


def _has_points(each: Document) -> bool:
    return each["grading_type"] == "points" and each["score"] is not None and not each["excused"]


def _another(each: Document) -> float:
    """A score that differs: half of what was missing, or a tenth less than everything."""
    score, possible = float(each["score"]), float(each["points_possible"])
    return round((score + possible) / 2 if score < possible else possible * 0.9, 1)


def _is_due_later(each: Document) -> bool:
    return each["due_at"] is not None and datetime.fromisoformat(each["due_at"]) > datetime.now(UTC)
