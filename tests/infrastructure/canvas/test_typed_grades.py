"""Tests that typed graded submissions make the same entries as the parser, or are left to it."""

import asyncio
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.change_feed import FeedEntry
from infrastructure.canvas.graded_decoder import decode_graded_submissions, graded_entry
from infrastructure.canvas.parse_feed_entry import parse_graded_submission
from infrastructure.canvas.response_body import decode_json
from tests.infrastructure.canvas.group_bodies import ODD_BYTES, ODD_VALUES, encode
from tests.infrastructure.canvas.rows import assignment_row, submission_row

Entries = list[FeedEntry | None]


def graded_row(**fields: Any) -> dict[str, Any]:
    assignment = assignment_row("5001") | {"course_id": "101"}
    return submission_row(assignment_id="5001", assignment=assignment) | fields


def usual_rows() -> list[dict[str, Any]]:
    return [
        graded_row(),
        graded_row(score=9.5, grade="Gut ä", late=True, points_deducted=1),
        graded_row(graded_at=None, workflow_state="submitted"),
        graded_row(assignment_id=None, excused=True, score=None, grade=None),
        graded_row(assignment=None),
        graded_row(assignment={"id": "7752~6", "course_id": "7752~1"}, assignment_id="7752~6"),
    ]


def typed_entries(body: bytes) -> Entries | None:
    rows = decode_graded_submissions(body)
    return None if rows is None else [*map(graded_entry, rows)]


async def parsed_entries(body: bytes) -> Entries:
    return [parse_graded_submission(row) for row in await decode_json(body)]


def parse(body: bytes) -> Entries:
    return asyncio.run(parsed_entries(body))


def test_a_page_of_the_usual_form_needs_no_parser() -> None:
    typed = typed_entries(encode(usual_rows()))
    assert typed == parse(encode(usual_rows()))
    assert [entry.assignment_id if entry else None for entry in typed or ()] == [
        "5001",
        "5001",
        None,
        "5001",
        None,
        "7752~6",
    ]


@st.composite
def damaged_pages(draw: st.DrawFn) -> bytes:
    """A page with some values replaced, added or removed, and some bytes."""
    rows = usual_rows()
    objects = [*rows, *(row["assignment"] for row in rows if row["assignment"])]
    for _ in range(draw(st.integers(0, 3))):
        damaged = draw(st.sampled_from(objects))
        key = draw(st.sampled_from([*damaged, "id", "course_id", "posted_at"]))
        if draw(st.integers(0, 9)):
            damaged[key] = draw(st.sampled_from(ODD_VALUES))
        else:
            damaged.pop(key, None)
    body = encode(rows)
    for _ in range(draw(st.integers(0, 2))):
        start = draw(st.integers(0, len(body)))
        end = start + draw(st.sampled_from([0, 0, 1, 2, 10]))
        body = body[:start] + draw(st.sampled_from(ODD_BYTES)) + body[end:]
    return body


@settings(deadline=None, max_examples=300)
@given(damaged_pages())
def test_typed_entries_equal_those_of_the_parser(body: bytes) -> None:
    typed = typed_entries(body)
    if typed is not None:
        assert typed == parse(body)


@pytest.mark.parametrize("level", ["submission", "assignment"])
async def test_each_odd_value_of_each_field_makes_the_same_entry(level: str) -> None:
    compared = 0
    for value, key in product(ODD_VALUES, graded_row() if level == "submission" else ["id"]):
        row = graded_row(assignment_id=None)
        (row if level == "submission" else row["assignment"])[key] = value
        typed = typed_entries(encode([row]))
        if typed is not None:
            compared += 1
            assert typed == await parsed_entries(encode([row])), (key, value)
    assert compared > 1


@pytest.mark.parametrize(
    "field",
    [
        {"assignment_id": 5001},
        {"graded_at": "2026-09-01T05:59:59+02:00"},
        {"grade": "a\u202eb"},
        {"score": "10"},
        {"workflow_state": ""},
        {"assignment": []},
    ],
    ids=str,
)
def test_a_value_that_has_to_be_changed_is_left_to_the_parser(field: dict[str, Any]) -> None:
    assert typed_entries(encode([graded_row(), graded_row(**field)])) is None
