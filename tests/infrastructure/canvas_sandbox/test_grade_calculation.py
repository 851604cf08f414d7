"""Tests of totals with the numbers of Canvas's own tests, and of drop rules by exhaustive search.

The numbers are from `spec/lib/grade_calculator_spec.rb` of canvas-lms.
"""

from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.canvas_sandbox.grade_calculation import calculate_totals
from infrastructure.canvas_sandbox.grade_format import format_grade, letter_grade
from infrastructure.canvas_sandbox.model import NO_RULES, Course, DropRules, Work
from infrastructure.canvas_sandbox.period_calendar import GradingPeriod, PeriodGroup
from tests.infrastructure.canvas_sandbox.graded_work import (
    Grade,
    add_work,
    make_course,
    make_group,
    totals_of,
)

DEFAULT_GRADES: list[Grade] = [(100, 100), (42, 91), (14, 55), (3, 38), (None, 1000)]
DAY = 86_400


MANY_GRADES: list[Grade] = [
    *[(30.0, None)] * 3, (31, 31), (21, 21), *[(30.0, 30.0)] * 10, (29.3, 30), *[(30.0, 30.0)] * 3,
    (12, 0), (30, None),
]  # fmt: skip
VECTORS: list[tuple[list[Grade], DropRules, Grade]] = [
    ([], NO_RULES, (None, None)),
    ([(None, 1)], NO_RULES, (None, 0.0)),
    ([(10, 0), (10, 10), (10, 10), (None, 10)], NO_RULES, (150.0, 100.0)),
    ([(10, 0), (10, 10), (10, 10), (None, 10)], DropRules(1), (200.0, 150.0)),
    ([(None, 20), (3, 10), (9, 10)], DropRules(1), (90.0, 60.0)),
    ([(10, 0), (5, 0), (20, 0), (0, 0)], DropRules(1), (None, None)),
    (DEFAULT_GRADES, NO_RULES, (55.99, 12.38)),
    (DEFAULT_GRADES, DropRules(1), (63.41, 55.99)),
    (DEFAULT_GRADES, DropRules(2), (74.64, 63.41)),
    (DEFAULT_GRADES, DropRules(0, 1), (32.07, 4.98)),
    (DEFAULT_GRADES, DropRules(0, 2), (18.28, 1.56)),
    (DEFAULT_GRADES, DropRules(0, 3), (7.89, 0.29)),
    (MANY_GRADES, DropRules(2), (132.12, 132.12)),
    ([(0, 10), (10, 20), (28, 50), (91, 100)], DropRules(0, 1), (47.5, 47.5)),
    ([(0, 10), (10, 20), (28, 50), (91, 100)], DropRules(0, 2), (33.33, 33.33)),
    ([(0, 10), (10, 20), (28, 50), (91, 100)], DropRules(0, 3), (0.0, 0.0)),
    ([(10, 10), (9, 10), (8, 10)], DropRules(1000, 1000), (100.0, 100.0)),
    ([(9, 0), (10, 0), (2, 2)], DropRules(1, 1), (None, None)),
    (DEFAULT_GRADES, DropRules(1, 0, (4,)), (63.32, 55.99)),
    ([(10, 20), (5, 10), (20, 40), (0, 100)], DropRules(1, 0, (4,)), (18.75, 18.75)),
    ([(10, 20), (5, 10), (20, 40), (100, 100)], DropRules(1, 0, (4,)), (88.46, 88.46)),
    ([(101.9, 100), (105.65, 100), (103.8, 100), (0, 0)], DropRules(1, 0, (3,)), (104.73, 104.73)),
    (
        [(None, 20), (3, 10), (None, 10), (None, 999_999_999), (None, None)],
        DropRules(2),
        (30.0, 15.0),
    ),
]


@pytest.mark.parametrize(("grades", "rules", "expected"), VECTORS)
def test_totals_equal_those_of_canvas(
    grades: list[Grade], rules: DropRules, expected: Grade
) -> None:
    assert totals_of(grades, rules) == expected


@pytest.mark.parametrize(("weighted", "total"), [(True, 76.67), (False, 145.0)])
def test_weights_of_groups_without_points_are_scaled_away(*, weighted: bool, total: float) -> None:
    groups = [make_group(n, weight) for n, weight in enumerate((50.0, 25.0, 25.0, 10.0), start=1)]
    course, work = make_course(*groups, weighted=weighted), Work()
    for group, grades in zip(groups, ([(9, 10)], [(5, 10)], [(10, 0), (5, 0)], []), strict=True):
        add_work(course, group, grades, work)

    assert calculate_totals(course, work).whole == (total, total)


def test_weights_above_a_hundred_are_not_scaled_down() -> None:
    groups = [make_group(1, 80.0), make_group(2, 40.0)]
    course, work = make_course(*groups, weighted=True), Work()
    for group in groups:
        add_work(course, group, [(5, 10)], work)

    assert calculate_totals(course, work).whole == (60.0, 60.0)


def test_without_any_weight_there_is_no_total() -> None:
    group, work = make_group(weight=0.0), Work()
    course = make_course(group, weighted=True)
    add_work(course, group, [(5, 10)], work)

    assert calculate_totals(course, work).whole == (None, None)


def graded_course() -> tuple[Course, Work]:
    group, work = make_group(), Work()
    course = make_course(group)
    add_work(course, group, [(8, 10), (3, 10), (None, 10)], work)
    return course, work


def test_excused_omitted_and_not_graded_work_does_not_count() -> None:
    course, work = graded_course()
    assert calculate_totals(course, work).whole == (55.0, 36.67)
    work[2].excused = True
    assert calculate_totals(course, work).whole == (80.0, 40.0)
    course.assignments[3].omitted = True
    assert calculate_totals(course, work).whole == (80.0, 80.0)
    course.assignments[1].submission_type = "not_graded"
    assert calculate_totals(course, work).whole == (None, None)


def test_work_that_is_not_posted_counts_as_zero_at_the_end_even_if_excused() -> None:
    course, work = graded_course()
    work[2].posted_at = None
    assert calculate_totals(course, work).whole == (80.0, 26.67)
    work[2].excused = True
    assert calculate_totals(course, work).whole == (80.0, 26.67)
    assert calculate_totals(course, work, is_completed=True).whole == (80.0, 40.0)


def test_work_that_awaits_review_counts_at_the_end_only() -> None:
    course, work = graded_course()
    work[2].state = "pending_review"

    assert calculate_totals(course, work).whole == (80.0, 36.67)


def test_a_draft_does_not_count() -> None:
    course, work = graded_course()
    course.assignments[2].present = False

    assert calculate_totals(course, work).whole == (80.0, 40.0)


def make_periods(*weights: float | None, weighted: bool = False) -> PeriodGroup:
    periods = (
        GradingPeriod(n, f"Q{n}", n * 10 * DAY, (n + 1) * 10 * DAY, (n + 1) * 10 * DAY, weight)
        for n, weight in enumerate(weights, start=1)
    )
    return PeriodGroup(1, tuple(periods), weighted)


def test_a_period_has_the_work_that_is_due_in_it_and_the_last_one_undated_work() -> None:
    course, work = graded_course()
    course.periods = make_periods(None, None)
    course.assignments[1].due_at = 20 * DAY
    course.assignments[2].due_at = 20 * DAY + 1
    assert course.periods.of_due_date(10 * DAY) is None

    totals = calculate_totals(course, work)

    assert totals.by_period == {1: (80.0, 80.0), 2: (30.0, 15.0)}
    assert totals.whole == (55.0, 36.67)


def test_weighted_periods_make_the_total_of_the_course() -> None:
    course, work = graded_course()
    course.periods = make_periods(30.0, 20.0, weighted=True)
    course.assignments[1].due_at = 15 * DAY
    course.assignments[2].due_at = 25 * DAY

    totals = calculate_totals(course, work)

    assert totals.by_period == {1: (80.0, 80.0), 2: (30.0, 15.0)}
    assert totals.whole == (60.0, 54.0)


def test_a_weighted_period_without_grades_does_not_lower_the_current_total() -> None:
    course, work = graded_course()
    course.periods = make_periods(40.0, 60.0, weighted=True)
    for item in course.assignments.values():
        item.due_at = 15 * DAY
    assert calculate_totals(course, work).whole == (55.0, 14.67)
    for row in work.values():
        row.posted_at = None

    assert calculate_totals(course, work).whole == (None, 0.0)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 50)), min_size=2, max_size=7),
    st.integers(1, 5),
)
def test_dropping_the_lowest_gives_the_best_share_of_all_choices(
    grades: list[tuple[int, int]], lowest: int
) -> None:
    keep = max(len(grades) - lowest, 1)
    best = max(
        Fraction(sum(score for score, _ in kept), sum(points for _, points in kept))
        for kept in combinations(grades, keep)
    )

    total = totals_of(grades, DropRules(lowest)).current

    assert total == pytest.approx(float(best * 100), abs=0.005_001)


def test_letters_have_the_lowest_share_that_is_reached() -> None:
    scheme = (("High", 0.9), ("Middle", 0.455), ("Low", 0.1))

    assert [letter_grade(score, scheme) for score in (90.0, 89.99, 45.5, 45.49, -3.0, None)] == [
        "High", "Middle", "Middle", "Low", "Low", None,
    ]  # fmt: skip


def test_assignments_use_the_scheme_of_the_course() -> None:
    course, _ = graded_course()
    item = course.assignments[1]
    item.grading_type = "letter_grade"

    assert format_grade(item, 9.0) == "A-"
    assert format_grade(item, 9.0, (("Pass", 0.5), ("Fail", 0.0))) == "Pass"
