"""Formats scores as grades and reads grades as scores, as Canvas does."""

from decimal import Decimal

from infrastructure.canvas_sandbox.model import Assignment, GradingScheme

DEFAULT_SCHEME: GradingScheme = (
    ("A", 0.94),
    ("A-", 0.9),
    ("B+", 0.87),
    ("B", 0.84),
    ("B-", 0.8),
    ("C+", 0.77),
    ("C", 0.74),
    ("C-", 0.7),
    ("D+", 0.67),
    ("D", 0.64),
    ("D-", 0.61),
    ("F", 0.0),
)
"""Canvas's default grading scheme."""


def letter_grade(percent: float | None, scheme: GradingScheme = DEFAULT_SCHEME) -> str | None:
    """The grade of a percentage: the highest whose bound it reaches, or else the lowest."""
    if percent is None:
        return None
    share = max(Decimal(repr(percent)), Decimal(0))
    reached = (grade for grade, bound in scheme if share >= Decimal(repr(bound)) * 100)
    return next(reached, scheme[-1][0])


def format_grade(
    assignment: Assignment, score: float | None, scheme: GradingScheme | None = None
) -> str | None:
    """Format a score for the grading type of its assignment: `9.5`, `66.67%`, `B+`, `complete`."""
    if score is None or assignment.grading_type == "not_graded":
        return None
    percent = 100 * score / assignment.points if assignment.points else 0.0
    match assignment.grading_type:
        case "percent":
            return f"{round(percent, 2):g}%"
        case "letter_grade":
            return letter_grade(percent, scheme or DEFAULT_SCHEME)
        case "pass_fail":
            return "complete" if score > 0 else "incomplete"
        case _:
            return f"{round(score, 2):.10g}"


def parse_grade(
    assignment: Assignment, grade: str, scheme: GradingScheme | None = None
) -> float | None:
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
    for text, bound in scheme or DEFAULT_SCHEME:
        if grade == text:
            return round(bound * points, 2)
    return float(grade)
