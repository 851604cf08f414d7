"""Calculates the totals of a course, step by step as `lib/grade_calculator.rb` of canvas-lms."""

from collections.abc import Iterable, Sequence
from decimal import Decimal, localcontext
from typing import NamedTuple

from infrastructure.canvas_sandbox.assignment_drops import CountedScore, drop_scores
from infrastructure.canvas_sandbox.model import Course, Submission, Work
from infrastructure.canvas_sandbox.period_calendar import GradingPeriod, PeriodGroup
from infrastructure.canvas_sandbox.ruby_numbers import (
    EXACT,
    decimal_of_float,
    decimal_of_points,
    divide,
    round_decimal,
    round_float,
)


class Totals(NamedTuple):
    """Totals in percent; `current` leaves out work without a posted grade."""

    current: float | None
    final: float | None


class StudentTotals(NamedTuple):
    """The totals of a student: of the whole course, and of each grading period by its id."""

    whole: Totals
    by_period: dict[int, Totals]


NO_TOTALS = Totals(None, None)


class GroupSum(NamedTuple):
    """The points of one assignment group."""

    weight: float
    score: Decimal
    possible: Decimal


def calculate_totals(course: Course, work: Work, *, is_completed: bool = False) -> StudentTotals:
    """Calculate the totals of a student from the student's submissions.

    `is_completed` is true if every enrollment of the student in the course is completed: then
    work without a posted grade does not count as zero.
    """
    periods = course.periods
    by_period = {
        period.id: _totals_of(course, work, period, is_completed=is_completed)
        for period in (periods.periods if periods else ())
    }
    if periods and periods.weighted:
        return StudentTotals(_weigh_periods(periods, by_period), by_period)
    return StudentTotals(_totals_of(course, work, None, is_completed=is_completed), by_period)


def period_of(course: Course, submission: Submission) -> GradingPeriod | None:
    """The grading period of a submission: that of its due date, or which its parts share."""
    if course.periods is None:
        return None
    parts = submission.assignment.parts
    if not parts:
        return course.periods.of_due_date(submission.assignment.due_at)
    found = {course.periods.of_due_date(part.due_at) for part in parts}
    return found.pop() if len(found) == 1 else None


def _totals_of(
    course: Course, work: Work, period: GradingPeriod | None, *, is_completed: bool
) -> Totals:
    counted = [
        item
        for item in work.values()
        if item.assignment.present
        and item.assignment.is_gradeable
        and (period is None or period_of(course, item) == period)
    ]
    with localcontext(EXACT):
        current, final = (
            _total(
                course,
                _group_sums(course, counted, is_current=is_current, is_completed=is_completed),
            )
            for is_current in (True, False)
        )
    return Totals(current, final)


def _group_sums(
    course: Course, work: Sequence[Submission], *, is_current: bool, is_completed: bool
) -> list[GroupSum]:
    by_group: dict[int, list[CountedScore]] = {}
    for item in work:
        counted = _counted_score(item, is_current=is_current, is_completed=is_completed)
        if counted is not None:
            by_group.setdefault(item.assignment.group.id, []).append(counted)
    sums = []
    for group in course.groups:
        kept = drop_scores(by_group.get(group.id, ()), group.rules)
        score = sum((item.score for item in kept), start=Decimal(0))
        possible = sum((item.total for item in kept), start=Decimal(0))
        sums.append(GroupSum(group.weight, score, possible))
    return sums


def _counted_score(
    item: Submission, *, is_current: bool, is_completed: bool
) -> CountedScore | None:
    """The score of a submission that counts; None if it does not.

    A submission that is not posted counts like none at all, even if it is excused.
    """
    is_read = item.posted_at is not None and not (is_current and item.state == "pending_review")
    score = item.score if is_read else None
    if (is_current and score is None) or (is_completed and not is_read):
        return None
    if (is_read and item.excused) or item.assignment.omitted:
        return None
    number = float(score or 0.0)
    return CountedScore(
        item.assignment.id,
        number,
        decimal_of_float(number),
        decimal_of_points(item.assignment.points),
    )


def _total(course: Course, sums: Iterable[GroupSum]) -> float | None:
    if course.weighted:
        return _weighted_total([item for item in sums if item.possible])
    score = possible = Decimal(0)
    for item in sums:
        score += item.score
        possible += item.possible
    if possible <= 0:
        return None
    return round_decimal(divide(decimal_of_float(float(score)), possible) * 100)


def _weighted_total(sums: Sequence[GroupSum]) -> float | None:
    full_weight = sum(item.weight for item in sums)
    if not full_weight:
        return None
    total = sum(
        (divide(item.score, item.possible) * decimal_of_float(item.weight) for item in sums),
        start=Decimal(0),
    )
    if full_weight < 100:  # noqa: PLR2004  percent
        total = divide(total, Decimal(repr(float(full_weight)))) * 100
    return round_float(float(total))


def _weigh_periods(periods: PeriodGroup, by_period: dict[int, Totals]) -> Totals:
    found = [(period.weight or 0.0, by_period[period.id]) for period in periods.periods]
    final_weight = sum(weight for weight, _ in found)
    current_weight = sum(weight for weight, totals in found if totals.current is not None)
    current = sum((totals.current or 0.0) * (weight / 100.0) for weight, totals in found)
    final = sum((totals.final or 0.0) * (weight / 100.0) for weight, totals in found)
    current, final = _scale_up(current, current_weight), _scale_up(final, final_weight)
    has_no_grades = current == 0.0 and all(totals.current is None for _, totals in found)
    return Totals(None if has_no_grades else round_float(current), round_float(final))


def _scale_up(score: float, weight: float) -> float:
    if weight >= 100:  # noqa: PLR2004  percent
        return score
    return score * 100.0 / weight if weight else 0.0
