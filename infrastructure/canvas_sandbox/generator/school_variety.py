"""Adds to the courses of a school what few of them have: the options call it `varied`."""

from collections.abc import Sequence
from random import Random

from infrastructure.canvas_sandbox.discussion_parts import (
    REPLY_TO_ENTRY,
    REPLY_TO_TOPIC,
    with_parts,
)
from infrastructure.canvas_sandbox.generator.generate_work import Placement, generate_assignment
from infrastructure.canvas_sandbox.model import Course, DropRules
from infrastructure.canvas_sandbox.options import SandboxOptions
from infrastructure.canvas_sandbox.period_calendar import GradingPeriod, PeriodGroup
from infrastructure.canvas_sandbox.sandbox_clock import DAY_SECONDS, end_of_day
from infrastructure.canvas_sandbox.situations import FURTHER_SITUATIONS, Situation

UPCOMING_DISCUSSION = Situation(due_days=None)
STARTED_DISCUSSION = Situation(due_days=None, submitted_days=-1, graded_days=1)
LETTERED_COURSE, WEIGHTED_PERIODS_COURSE = 3, 7
"""Indices of courses that get other grading periods."""


def vary_courses(options: SandboxOptions, courses: Sequence[Course], now: int) -> None:
    """Add situations, drop rules, discussions in parts and grading periods to the courses."""
    for course in courses:
        rng = Random(f"{options.seed}/variety/{course.index}")  # noqa: S311  must be reproducible
        if course.index % 2 == 0:
            _add_situations(course, rng, now)
        if course.index % 3 == 0:
            _add_discussions(course, rng, now)
        _add_drop_rules(course)
        if course.index == LETTERED_COURSE:
            course.periods = _periods(40, now, (None, None), shows_totals_for_all=False)
        if course.index == WEIGHTED_PERIODS_COURSE:
            course.periods = _periods(50, now, (40.0, 60.0), shows_totals_for_all=True)


def _add_situations(course: Course, rng: Random, now: int) -> None:
    for situation in FURTHER_SITUATIONS:
        added = generate_assignment(_placement(course, now), course, situation, rng)
        course.assignments[added.id] = added


def _add_discussions(course: Course, rng: Random, now: int) -> None:
    for situation, days in ((UPCOMING_DISCUSSION, (1, 4)), (STARTED_DISCUSSION, (-6, 3))):
        discussion = generate_assignment(_placement(course, now), course, situation, rng)
        topic_due, entry_due = (end_of_day(now + day * DAY_SECONDS) for day in days)
        course.assignments[discussion.id] = with_parts(
            discussion, [(REPLY_TO_TOPIC, 4.0, topic_due), (REPLY_TO_ENTRY, 6.0, entry_due)]
        )


def _placement(course: Course, now: int) -> Placement:
    last = max(course.assignments, default=course.groups[0].id * 100)
    return Placement(last + 1, len(course.assignments), now)


def _add_drop_rules(course: Course) -> None:
    if course.index % 3 == 0:
        course.groups[0].rules = DropRules(lowest=1)
    if course.index % 3 == 1:
        in_group = (
            item.id for item in course.assignments.values() if item.group is course.groups[1]
        )
        course.groups[1].rules = DropRules(lowest=1, highest=1, never=tuple(in_group)[:1])


def _periods(
    id_: int, now: int, weights: tuple[float | None, float | None], *, shows_totals_for_all: bool
) -> PeriodGroup:
    start, middle, end = (now + days * DAY_SECONDS for days in (-70, -5, 70))
    return PeriodGroup(
        id=id_,
        periods=(
            GradingPeriod(id_, "Quarter 1", start, middle, middle + 7 * DAY_SECONDS, weights[0]),
            GradingPeriod(id_ + 1, "Quarter 2", middle, end, end, weights[1]),
        ),
        weighted=weights[0] is not None,
        shows_totals_for_all=shows_totals_for_all,
    )
