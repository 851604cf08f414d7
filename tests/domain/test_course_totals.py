"""The totals of a course are the numbers that Canvas calculates, to the last digit."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.course_totals import (
    CalculatedTotals,
    GradedItem,
    GroupRules,
    calculate_totals,
    grade_for,
)
from tests.domain.canvas_page_vectors import PAGE_VECTORS
from tests.domain.canvas_total_vectors import SERVER_VECTORS, Vector, groups_of, items_of
from tests.domain.generated_courses import GeneratedCourse, generate_course
from tests.domain.reference_totals import reference_totals

SEEDS = range(2026, 2030)
COURSES_PER_SEED = 2_500
DEFAULT_SCHEME = [("A", 0.9), ("B+", 0.886), ("B", 0.8), ("C", 0.695), ("D", 0.555), ("E", 0.545)]
FULL_SCHEME = [*DEFAULT_SCHEME, ("M", 0.0)]
POINTS_SCHEME = [("A", 0.9), ("B", 0.7), ("C+", 0.5), ("C-", 0.3), ("D", 0)]
generated = st.integers(0, 2**32).map(lambda seed: generate_course(Random(seed)))


def calculate(course: GeneratedCourse) -> CalculatedTotals:
    return calculate_totals(
        course.groups, course.items, weighted=course.weighted, completed=course.completed
    )


def item(
    id: str, score: float | None = 5.0, points: float | None = 10.0, *, group: str = "1"
) -> GradedItem:
    return GradedItem(id, group, points, score, excused=False, pending_review=False, counts=True)


@pytest.mark.parametrize("vector", SERVER_VECTORS + PAGE_VECTORS)
def test_the_totals_of_canvas_own_tests_are_calculated(vector: Vector) -> None:
    groups, items = groups_of(vector), items_of(vector)
    totals = calculate_totals(groups, items, weighted=vector.weighted, completed=vector.completed)
    assert totals[:2] == (vector.current, vector.final)
    if vector.dropped is not None:
        dropped = tuple(tuple(sorted(map(int, ids))) for ids in totals[2:])
        assert dropped == vector.dropped
    reference = reference_totals(
        groups, items, weighted=vector.weighted, completed=vector.completed
    )
    assert totals == reference


@pytest.mark.parametrize("seed", SEEDS)
def test_generated_courses_have_the_totals_of_the_step_by_step_calculation(seed: int) -> None:
    random = Random(seed)
    kinds: Counter[str] = Counter()
    for number in range(COURSES_PER_SEED):
        course = generate_course(random)
        totals = calculate(course)
        expected = reference_totals(
            course.groups, course.items, weighted=course.weighted, completed=course.completed
        )
        assert totals == expected, f"Course {number} has other totals: {course}"
        kinds["without a total"] += totals.current_score is None
        kinds["with dropped work"] += bool(totals.final_dropped)
        kinds["with weights"] += course.weighted
        kinds["completed"] += course.completed
        kinds["above 100"] += (totals.final_score or 0) > 100
        kinds["below 0"] += (totals.final_score or 0) < 0
    assert len(kinds) == 6
    assert min(kinds.values()) >= COURSES_PER_SEED / 200, f"Too few courses of a kind: {kinds}"


@given(generated, st.randoms())
@settings(max_examples=200, deadline=None)
def test_the_order_of_the_assignments_does_not_matter(
    course: GeneratedCourse, random: Random
) -> None:
    shuffled = course._replace(items=random.sample(course.items, len(course.items)))
    first, second = calculate(course), calculate(shuffled)
    assert first[:2] == second[:2]
    assert sorted(first.final_dropped) == sorted(second.final_dropped)


@given(generated)
@settings(max_examples=200, deadline=None)
def test_an_excused_or_omitted_assignment_counts_like_none(course: GeneratedCourse) -> None:
    left = [i for i in course.items if i.counts and not (i.excused and i.posted)]
    assert calculate(course._replace(items=left)) == calculate(course)


@given(generated)
@settings(max_examples=200, deadline=None)
def test_a_hidden_grade_counts_like_a_missing_one(course: GeneratedCourse) -> None:
    course = course._replace(completed=False)
    without_grade = [
        i if i.posted else i._replace(score=None, excused=False, posted=True) for i in course.items
    ]
    assert calculate(course._replace(items=without_grade)) == calculate(course)


@given(generated)
@settings(max_examples=100, deadline=None)
def test_full_scores_are_a_hundred_per_cent(course: GeneratedCourse) -> None:
    full = [i._replace(score=i.points_possible or 0.0, posted=True) for i in course.items]
    totals = calculate(course._replace(items=full, weighted=False))
    assert totals.current_score in (None, 100.0)
    assert totals.final_score in (None, 100.0)


def test_equal_assignments_are_dropped_by_the_number_of_their_id() -> None:
    group = GroupRules("1", None, drop_lowest=1)
    assert calculate_totals(
        [group], [item("10"), item("9"), item("8")], weighted=False
    ).final_dropped == ("10",)
    assert calculate_totals(
        [group], [item("7752~29520"), item("7752~9"), item("123")], weighted=False
    ).final_dropped == ("7752~29520",)
    assert calculate_totals(
        [group], [item("77520000000029520"), item("7752~29521")], weighted=False
    ).final_dropped == ("7752~29521",)


def test_an_id_that_is_no_number_is_dropped_last() -> None:
    group = GroupRules("1", None, drop_lowest=1)
    totals = calculate_totals([group], [item("essay"), item("4"), item("5")], weighted=False)
    assert totals.final_dropped == ("5",)


def test_a_protected_assignment_without_points_can_count_twice() -> None:
    # Only work without points is left for the rule about the highest; see docs/canvas.md.
    rules = GroupRules("1", None, drop_lowest=1, drop_highest=1, never_drop=("4",))
    works = [item("1", 9, 0), item("2", 10, 0), item("3", 2, 2), item("4", 20, 0)]
    other = item("5", 10, 100, group="2")
    totals = calculate_totals([rules, GroupRules("2", None)], [*works, other], weighted=False)
    assert totals.final_score == 50.0


def test_an_assignment_of_an_unknown_group_counts_nowhere() -> None:
    totals = calculate_totals(
        [GroupRules("1", None)], [item("1"), item("2", 10, group="gone")], weighted=False
    )
    assert totals == CalculatedTotals(50.0, 50.0)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), 1e15, -1e15])
def test_an_impossible_number_is_refused(number: float) -> None:
    groups = [GroupRules("1", 50.0, drop_lowest=1)]
    for wrong in (item("7", number), item("7", 5.0, number)):
        with pytest.raises(ValueError, match="of assignment 7 must be below"):
            calculate_totals(groups, [item("2"), wrong], weighted=True)
    with pytest.raises(ValueError, match="weight of group 1 must be below"):
        calculate_totals([GroupRules("1", number)], [item("2")], weighted=True)
    with pytest.raises(ValueError, match="must be below"):
        grade_for(number, FULL_SCHEME)


def test_the_largest_numbers_have_a_total() -> None:
    groups = [GroupRules("1", 9e14, drop_lowest=1)]
    works = [item("1", 9e14, 1e-9), item("2", 9e14, 9e14), item("3", 1e-9, 9e14)]
    totals = calculate_totals(groups, works, weighted=False)
    assert totals == reference_totals(groups, works, weighted=False, completed=False)


@pytest.mark.parametrize(
    ("score", "grade"),
    [
        (1005, "A"), (100, "A"), (90, "A"), (89.999, "B+"), (88.601, "B+"), (88.6, "B+"),
        (88.599, "B"), (80, "B"), (79.999, "C"), (69.501, "C"), (69.5, "C"), (69.499, "D"),
        (60, "D"), (55.5, "D"), (54.5, "E"), (50, "M"), (0, "M"), (-100, "M"),
    ],
)  # fmt: skip
def test_a_grade_is_the_highest_whose_bound_the_score_reaches(score: float, grade: str) -> None:
    assert grade_for(score, FULL_SCHEME) == grade
    assert grade_for(score, list(reversed(FULL_SCHEME))) == grade


def test_a_score_below_all_bounds_has_the_lowest_grade() -> None:
    assert grade_for(40, DEFAULT_SCHEME) == "E"


def test_without_a_score_or_a_scheme_there_is_no_grade() -> None:
    assert grade_for(None, FULL_SCHEME) is None
    assert grade_for(80, []) is None


@pytest.mark.parametrize(
    ("factor", "score", "grade"),
    [
        (10.0, 49.98, "C+"), (90.0, 49.98, "C-"), (0.0, 49.98, "C-"), (100.0, 49.996, "C+"),
        (None, 49.996, "C-"), (4.0, 50.0, "C+"), (10.0, -3.0, "D"),
    ],
)  # fmt: skip
def test_a_scheme_of_points_rounds_the_score_in_its_points_first(
    factor: float | None, score: float, grade: str
) -> None:
    assert grade_for(score, POINTS_SCHEME, scaling_factor=factor) == grade
