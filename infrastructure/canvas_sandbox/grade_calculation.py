"""Scores, grades and totals, worked out as Canvas does."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from infrastructure.canvas_sandbox.model import Assignment, Course, Submission, Work

SCHEME = (
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
"""Canvas's default grading scheme, in per cent."""


class Totals(NamedTuple):
    """A course's totals in per cent; `current` leaves out what has no posted grade."""

    current: float | None
    final: float | None


def letter(percent: float | None) -> str | None:
    """The letter of a percentage."""
    if percent is None:
        return None
    return next((grade for least, grade in SCHEME if percent >= least), "F")


def grade_text(assignment: Assignment, score: float | None) -> str | None:
    """A score as the assignment's grading type writes it: `9.5`, `66.67%`, `B+`, `complete`."""
    if score is None or assignment.grading_type == "not_graded":
        return None
    percent = 100 * score / assignment.points if assignment.points else 0.0
    match assignment.grading_type:
        case "percent":
            return f"{round(percent, 2):g}%"
        case "letter_grade":
            return letter(percent)
        case "pass_fail":
            return "complete" if score > 0 else "incomplete"
        case _:
            return f"{round(score, 2):.10g}"


def totals(course: Course, work: Work, *, since: int | None = None) -> Totals:
    """Add up what counts, by points or by weights; `since` keeps only what is due from then on."""
    counting = [
        submission
        for submission in work.values()
        if _counts(submission) and _in_period(submission.assignment, since)
    ]
    graded = [item for item in counting if item.score is not None and not item.hidden]
    return Totals(
        _percent(course, graded, lambda item: item.score or 0.0),
        _percent(course, counting, lambda item: 0.0 if item.hidden else item.score or 0.0),
    )


def _counts(submission: Submission) -> bool:
    assignment = submission.assignment
    return bool(
        assignment.present
        and assignment.points
        and not assignment.omitted
        and not submission.excused
        and assignment.grading_type != "not_graded"
    )


def _in_period(assignment: Assignment, since: int | None) -> bool:
    return since is None or (assignment.due_at is not None and assignment.due_at >= since)


def _percent(
    course: Course, work: Iterable[Submission], earned: Callable[[Submission], float]
) -> float | None:
    sums: dict[int, tuple[float, float, float]] = {}
    for item in work:
        group = item.assignment.group
        _, got, possible = sums.get(group.id, (0.0, 0.0, 0.0))
        points = item.assignment.points or 0.0
        sums[group.id] = (group.weight, got + earned(item), possible + points)
    if not sums:
        return None
    if not course.weighted:
        got, possible = (sum(parts[n] for parts in sums.values()) for n in (1, 2))
        return round(100 * got / possible, 2)
    weight = sum(parts[0] for parts in sums.values())
    return round(100 * sum(w * got / of for w, got, of in sums.values()) / weight, 2)


def score_of(assignment: Assignment, grade: str) -> float | None:
    """The points a grade stands for; raises ValueError where it stands for none."""
    points = assignment.points or 0.0
    if grade in ("complete", "pass"):
        return points
    if grade in ("incomplete", "fail"):
        return 0.0
    if grade.endswith("%"):
        return round(float(grade[:-1]) * points / 100, 2)
    for least, text in SCHEME:
        if grade == text:
            return round(least * points / 100, 2)
    return float(grade)
