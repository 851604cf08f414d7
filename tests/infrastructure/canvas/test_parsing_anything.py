from datetime import date
from math import isfinite
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.canvas import digest
from domain.change_feed import Window
from infrastructure.canvas.parse_assignment import group_of, parse_assignment, parse_group
from infrastructure.canvas.parse_course import parse_course, student_id
from infrastructure.canvas.parse_feed_entry import parse_graded, parse_planned
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
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from(["2026-09-31T05:59:59Z", "student", "https://x\0", "\0", "9" * 30]),
)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=8)
    ),
    max_leaves=30,
)


def spoilt(row: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A row as it should be, but for some keys."""
    return st.dictionaries(st.sampled_from(sorted(row)), JSON, max_size=5).map(
        lambda bad: row | bad
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
@given(JSON | spoilt(course_row()))
def test_no_json_breaks_the_reading_of_a_course(row: Any) -> None:
    student_id(row)
    found = parse_course(row, "https://canvas.example")
    assert_storable(found)
    if found:
        assert found.keys() == parse_course(course_row(), "").keys()  # type: ignore[union-attr]  # it has an id
        assert digest(found) == digest(orjson.loads(orjson.dumps(found)))


@settings(deadline=None)
@given(JSON | spoilt(assignment_row()), JSON, st.sampled_from([None, "42"]))
def test_no_json_breaks_the_reading_of_an_assignment(row: Any, outer: Any, student: Any) -> None:
    group = parse_group(outer) or group_of(row, {})
    found = parse_assignment(row, group, student)
    assert_storable(found)
    if found:
        assert digest(found) == digest(orjson.loads(orjson.dumps(found)))


@settings(deadline=None)
@given(spoilt(submission_row()))
def test_no_json_breaks_the_reading_of_a_submission(row: Any) -> None:
    group = group_of({}, {})
    found = parse_assignment(assignment_row(submission=row), group, "42")
    assert found
    assert found["submission"]
    assert_storable(found)


@settings(deadline=None)
@given(JSON | spoilt(submission_row(assignment=assignment_row())) | spoilt(planner_row()))
def test_no_json_breaks_the_reading_of_the_lists_over_all_courses(row: Any) -> None:
    for found in (parse_graded(row), parse_planned(row)):
        assert_storable(None if found is None else list(found))
        if found and found.at:
            Window.around(date(2026, 9, 1)).cut_before(found.at).holds(found.at)
