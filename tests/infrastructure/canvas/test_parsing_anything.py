from datetime import date
from math import isfinite
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.change_feed import PlannerWindow
from domain.digests import digest
from infrastructure.canvas.parse_assignment import find_group, parse_assignment, parse_group
from infrastructure.canvas.parse_course import find_student_id, parse_course
from infrastructure.canvas.parse_feed_entry import parse_graded_submission, parse_planner_item
from tests.infrastructure.canvas.rows import (
    assignment_row,
    course_row,
    enrollment_row,
    planner_row,
    submission_row,
)

KEYS = sorted(
    {
        *course_row(),
        *enrollment_row(),
        *assignment_row(),
        *submission_row(),
        *planner_row(),
        *planner_row()["plannable"],
        *planner_row()["submissions"],
        "access_restricted_by_date",
    }
)
LEAF_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from(["2026-09-31T05:59:59Z", "student", "https://x\0", "\0", "9" * 30]),
)
ANY_JSON = st.recursive(
    LEAF_VALUES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=8)
    ),
    max_leaves=30,
)


def corrupted(row: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A valid row with arbitrary JSON in some of its keys."""
    return st.dictionaries(st.sampled_from(sorted(row)), ANY_JSON, max_size=5).map(
        lambda invalid: row | invalid
    )


def assert_storable(value: Any) -> None:
    match value:
        case dict():
            for inner in value.values():
                assert_storable(inner)
        case list():
            for inner in value:
                assert_storable(inner)
        case str():
            assert "\0" not in value
            assert len(value) <= 2_000
        case float():
            assert isfinite(value)
        case _:
            assert value is None or isinstance(value, (bool, int))


@settings(deadline=None)
@given(ANY_JSON | corrupted(course_row()))
def test_parsing_a_course_accepts_any_json(row: Any) -> None:
    find_student_id(row)
    parsed = parse_course(row, "https://canvas.example")
    assert_storable(parsed)
    if parsed:
        assert parsed.keys() == parse_course(course_row(), "").keys()  # type: ignore[union-attr]  # it has an id
        assert digest(parsed) == digest(orjson.loads(orjson.dumps(parsed)))


@settings(deadline=None)
@given(ANY_JSON | corrupted(assignment_row()), ANY_JSON, st.sampled_from([None, "42"]))
def test_parsing_an_assignment_accepts_any_json(row: Any, group_row: Any, student_id: Any) -> None:
    group = parse_group(group_row) or find_group(row, {})
    parsed = parse_assignment(row, group, student_id)
    assert_storable(parsed)
    if parsed:
        assert digest(parsed) == digest(orjson.loads(orjson.dumps(parsed)))


@settings(deadline=None)
@given(corrupted(submission_row()))
def test_parsing_a_submission_accepts_any_json(row: Any) -> None:
    group = find_group({}, {})
    parsed = parse_assignment(assignment_row(submission=row), group, "42")
    assert parsed
    assert parsed["submission"]
    assert_storable(parsed)


@settings(deadline=None)
@given(ANY_JSON | corrupted(submission_row(assignment=assignment_row())) | corrupted(planner_row()))
def test_parsing_a_feed_row_accepts_any_json(row: Any) -> None:
    for parsed in (parse_graded_submission(row), parse_planner_item(row)):
        assert_storable(None if parsed is None else list(parsed))
        if parsed and parsed.graded_or_due_at:
            PlannerWindow.around(date(2026, 9, 1)).starting_at(parsed.graded_or_due_at).contains(
                parsed.graded_or_due_at
            )
