"""Records of Canvas become the input of the calculation, and its result is compared with Canvas."""

from random import Random
from typing import Any

import orjson
import pytest

from domain.canvas import Assignment, AssignmentGroup, Course, SchemeGrade
from domain.course_totals import GradedItem, GroupRules
from projections.courses.calculation_input import (
    Basis,
    StoredItem,
    Way,
    calculate,
    compare,
    count_published,
    to_basis,
    to_item,
)
from tests.canvas_builders import assignment, course, group, submission, unsubmitted
from tests.domain.generated_courses import generate_course
from tests.domain.reference_totals import reference_totals

SCHEME = [
    SchemeGrade(name="A", lower_bound=0.9),
    SchemeGrade(name="B", lower_bound=0.8),
    SchemeGrade(name="F", lower_bound=0.0),
]
DOES_NOT_COUNT: list[dict[str, Any]] = [
    {"omit_from_final_grade": True},
    {"grading_type": "not_graded"},
    {"submission_types": ["not_graded"]},
    {"submission_types": ["wiki_page"]},
    {"published": False},
]


def _stored(
    course: Course, assignments: list[Assignment], groups: list[AssignmentGroup] | None
) -> tuple[Basis, dict[str, StoredItem]]:
    """The basis and the items as the read model stores and loads them."""
    basis = to_basis(course, groups, None, complete=True)
    items = {item["canvas_id"]: to_item(item) for item in assignments}
    loaded: tuple[Basis, dict[str, StoredItem]] = orjson.loads(orjson.dumps([basis, items]))
    return loaded


def _assignment(item: GradedItem, rng: Random) -> Assignment:
    """The record of an assignment that contributes to the totals as `item` does."""
    work = submission(
        state="pending_review" if item.pending_review else "graded",
        score=item.score,
        excused=item.excused,
        posted_at="2026-09-12T18:00:00Z" if item.posted else None,
    )
    return assignment(
        item.assignment_id,
        group={"id": item.group_id, "name": None, "weight": None},
        points_possible=item.points_possible,
        submission=work,
        **({} if item.counts else rng.choice(DOES_NOT_COUNT)),
    )


def _group(rules: GroupRules) -> AssignmentGroup:
    return group(
        rules.id,
        weight=rules.weight,
        drop_lowest=rules.drop_lowest,
        drop_highest=rules.drop_highest,
        never_drop=sorted(rules.never_drop),
    )


@pytest.mark.parametrize("seed", range(200))
def test_the_totals_of_any_course_are_those_of_the_reference(seed: int) -> None:
    rng = Random(seed)
    generated = generate_course(rng)
    expected = reference_totals(
        generated.groups,
        generated.items,
        weighted=generated.weighted,
        completed=generated.completed,
    )
    shown = course(
        weighted=generated.weighted,
        ended=generated.completed,
        current_score=expected.current_score,
        final_score=expected.final_score,
    )
    basis, items = _stored(
        shown,
        [_assignment(item, rng) for item in generated.items],
        [_group(rules) for rules in generated.groups],
    )
    totals = calculate(shown, basis, items, Way(generated.completed))
    assert totals
    assert (totals.current_score, totals.final_score) == expected[:2]
    known = expected[:2] != (None, None)
    assert compare(shown, basis, items).exact is (True if known else None)
    for field in ("current_score", "final_score"):
        if known and (score := getattr(expected, field)) is not None:
            assert compare(shown | {field: score + 0.01}, basis, items).exact is False


def _course(**fields: Any) -> Course:
    """A course whose only assignment has 9.5 of 10 points."""
    return course(**{"current_score": 95.0, "final_score": 95.0, "weighted": False} | fields)


@pytest.mark.parametrize(
    ("exact", "fields"),
    [
        (True, {}),
        (True, {"current_score": 95}),
        (True, {"current_grade": "C"}),
        (False, {"final_score": 95.01}),
        (True, {"grading_scheme": SCHEME, "current_grade": "A", "final_grade": "A"}),
        (True, {"grading_scheme": SCHEME, "current_grade": None, "final_grade": None}),
        (False, {"grading_scheme": SCHEME, "current_grade": "B", "final_grade": "A"}),
        (False, {"grading_scheme": SCHEME, "current_grade": "A", "final_grade": "B"}),
        (None, {"role": "ta"}),
        (None, {"state": "restricted"}),
        (None, {"current_score": None, "final_score": None}),
        (True, {"state": "concluded", "ended": True}),
        (True, {"has_grading_periods": True, "all_periods_shown": True}),
        (None, {"has_grading_periods": True, "weighted_periods": True}),
    ],
)
def test_exact_states_whether_all_shown_totals_are_reproduced(
    *, exact: bool | None, fields: dict[str, Any]
) -> None:
    shown = _course(**fields)
    basis, items = _stored(shown, [assignment("1")], [group()])
    assert compare(shown, basis, items).exact is exact


def test_exact_is_unknown_without_groups_and_after_an_incomplete_read() -> None:
    shown = _course()
    basis, items = _stored(shown, [assignment("1")], None)
    assert compare(shown, basis, items).exact is None
    basis, items = _stored(shown, [assignment("1")], [group()])
    assert compare(shown, {**basis, "complete": False}, items).exact is None


def test_groups_stay_until_others_are_read() -> None:
    first = to_basis(_course(), [group(drop_lowest=1)], None, complete=True)
    assert to_basis(_course(), None, first, complete=True)["groups"] == first["groups"]
    assert to_basis(_course(), [], first, complete=True)["groups"] == []


def test_the_totals_of_a_grading_period_are_of_its_assignments() -> None:
    period = {"id": "5", "title": "Q2"}
    shown = _course(
        grading_period=period, has_grading_periods=True, weighted_periods=True, ended=False
    )
    others = [
        assignment("2", submission=submission(score=1), grading_period_id="4"),
        assignment("3", submission=submission(score=1), grading_period_id=None),
    ]
    work = [assignment("1", grading_period_id="5"), *others]
    basis, items = _stored(shown, work, [group()])
    assert compare(shown, basis, items).exact is True


@pytest.mark.parametrize(
    ("exact", "ended", "final_score"),
    [(True, False, 47.5), (False, False, 95.0), (True, True, 47.5), (True, True, 95.0)],
)
def test_totals_of_an_ended_course_are_from_before_or_after_its_end(
    *, exact: bool, ended: bool, final_score: float
) -> None:
    shown = _course(ended=ended, final_score=final_score)
    work = [assignment("1"), assignment("2", submission=unsubmitted())]
    basis, items = _stored(shown, work, [group()])
    comparison = compare(shown, basis, items)
    assert comparison.exact is exact
    assert comparison.way.completed is (ended and final_score == 95.0)


def test_an_assignment_without_a_submission_counts_as_not_graded() -> None:
    shown = _course(current_score=95.0, final_score=31.67)
    work = [
        assignment("1"),
        assignment("2", submission=None),
        assignment("3", submission=unsubmitted()),
    ]
    basis, items = _stored(shown, work, [group()])
    assert compare(shown, basis, items).exact is True


@pytest.mark.parametrize(
    ("assignments", "groups"),
    [
        ([assignment("1", points_possible=1e300)], [group()]),
        ([assignment("1", submission=submission(score=-1e300))], [group()]),
        ([assignment("1")], [group(weight=1e300)]),
        ([assignment("1", points_possible=5e-324)], [group()]),
    ],
    ids=["points", "score", "weight", "total"],
)
def test_a_number_that_is_too_large_has_no_totals(
    assignments: list[Assignment], groups: list[AssignmentGroup]
) -> None:
    shown = _course(weighted=True)
    basis, items = _stored(shown, assignments, groups)
    assert calculate(shown, basis, items, Way()) is None
    assert compare(shown, basis, items).exact is None


def test_only_published_assignments_are_counted() -> None:
    items = [to_item(assignment("1")), to_item(assignment("2", published=False))]
    assert count_published(items) == 1
