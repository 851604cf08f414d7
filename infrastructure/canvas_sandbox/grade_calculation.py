"""Calculates scores, grades and totals as Canvas does."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from infrastructure.canvas_sandbox.model import Assignment, Course, Submission, Work

GRADING_SCHEME = (
    (94, "A"),
    (90, "A-"),
    (87, "B+"),
    (84, "B"),
    (80, "B-"),
    (77, "C+"),
    (74, "C"),
    (70, "C-"),
    (67, "D+"),
    (64, "D"),
    (61, "D-"),
    (0, "F"),
)
"""Canvas's default grading scheme: the lowest percentage of each grade."""


class Totals(NamedTuple):
    """The totals of a course in percent; `current` leaves out work without a posted grade."""

    current: float | None
    final: float | None


def letter_grade(percent: float | None) -> str | None:
    """The letter grade of a percentage; None for None."""
    if percent is None:
        return None
    return next((grade for threshold, grade in GRADING_SCHEME if percent >= threshold), "F")


def format_grade(assignment: Assignment, score: float | None) -> str | None:
    """Format a score for the grading type of its assignment: `9.5`, `66.67%`, `B+`, `complete`."""
    if score is None or assignment.grading_type == "not_graded":
        return None
    percent = 100 * score / assignment.points if assignment.points else 0.0
    match assignment.grading_type:
        case "percent":
            return f"{round(percent, 2):g}%"
        case "letter_grade":
            return letter_grade(percent)
        case "pass_fail":
            return "complete" if score > 0 else "incomplete"
        case _:
            return f"{round(score, 2):.10g}"


def calculate_totals(course: Course, work: Work, *, since: int | None = None) -> Totals:
    """Calculate the totals of a course, by points or by group weights.

    With `since` (seconds since 1970), only assignments due at or after it count: those of the
    grading period.
    """
    counted = [
        submission
        for submission in work.values()
        if _counts_toward_total(submission) and _is_in_period(submission.assignment, since)
    ]
    graded = [item for item in counted if item.score is not None and not item.hidden]
    return Totals(
        _weighted_percent(course, graded, lambda item: item.score or 0.0),
        _weighted_percent(course, counted, lambda item: 0.0 if item.hidden else item.score or 0.0),
    )


def _counts_toward_total(submission: Submission) -> bool:
    assignment = submission.assignment
    return bool(
        assignment.present
        and assignment.points
        and not assignment.omitted
        and not submission.excused
        and assignment.grading_type != "not_graded"
    )


def _is_in_period(assignment: Assignment, since: int | None) -> bool:
    return since is None or (assignment.due_at is not None and assignment.due_at >= since)


def _weighted_percent(
    course: Course, work: Iterable[Submission], earned: Callable[[Submission], float]
) -> float | None:
    sums: dict[int, tuple[float, float, float]] = {}
    for item in work:
        group = item.assignment.group
        _, earned_points, possible = sums.get(group.id, (0.0, 0.0, 0.0))
        points = item.assignment.points or 0.0
        sums[group.id] = (group.weight, earned_points + earned(item), possible + points)
    if not sums:
        return None
    if not course.weighted:
        earned_points, possible = (sum(parts[n] for parts in sums.values()) for n in (1, 2))
        return round(100 * earned_points / possible, 2)
    total_weight = sum(parts[0] for parts in sums.values())
    return round(
        100
        * sum(
            weight * earned_points / possible_points
            for weight, earned_points, possible_points in sums.values()
        )
        / total_weight,
        2,
    )


def parse_grade(assignment: Assignment, grade: str) -> float | None:
    """Convert a grade such as `9.5`, `50%`, `B+` or `complete` to points.

    Raises: ValueError if it is none of these.
    """
    points = assignment.points or 0.0
    if grade in ("complete", "pass"):
        return points
    if grade in ("incomplete", "fail"):
        return 0.0
    if grade.endswith("%"):
        return round(float(grade[:-1]) * points / 100, 2)
    for threshold, text in GRADING_SCHEME:
        if grade == text:
            return round(threshold * points / 100, 2)
    return float(grade)
