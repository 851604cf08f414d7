"""Tests that a difference between two documents is found, and that a new member is none."""

from typing import Any

import pytest

from tests.replay.allowed_differences import ALLOWED_DIFFERENCES
from tests.replay.differences import (
    AllowedDifference,
    Difference,
    find_differences,
    find_unexpected,
    find_unused,
)

BEFORE: Any = {
    "assignments.0": [{"id": "1", "status": "overdue", "parts": [1, 2], "submission": None}],
    "dashboard.0": [{"courses": {"total": 2}, "failing": True}],
}


def with_now(**members: Any) -> Any:
    return {**BEFORE, "assignments.0": [BEFORE["assignments.0"][0] | members]}


def test_equal_documents_have_no_difference() -> None:
    assert find_differences(BEFORE, BEFORE) == []


def test_a_new_member_is_no_difference() -> None:
    now = with_now(role="student") | {"calendar": []}
    now["dashboard.0"] = [{"courses": {"total": 2, "ended": 1}, "failing": True}]
    assert find_differences(BEFORE, now) == []


@pytest.mark.parametrize(
    ("now", "description"),
    [
        (with_now(status="past"), "assignments.0[0].status was 'overdue' and is 'past'"),
        (with_now(parts=[1, 3]), "assignments.0[0].parts[1] was 2 and is 3"),
        (with_now(parts=[1]), "assignments.0[0].parts was [1, 2] and is [1]"),
        (with_now(submission={}), "assignments.0[0].submission was None and is {}"),
        (
            BEFORE | {"dashboard.0": [{"courses": {}, "failing": True}]},
            "dashboard.0[0].courses.total was 2 and is missing",
        ),
        (
            BEFORE | {"dashboard.0": [{"courses": {"total": 2}, "failing": 1}]},
            "dashboard.0[0].failing was True and is 1",
        ),
        (
            BEFORE | {"dashboard.0": []},
            "dashboard.0 was [{'courses': {'total': 2}, 'failing': True}] and is []",
        ),
        (
            {"assignments.0": BEFORE["assignments.0"]},
            "dashboard.0 was [{'courses': {'total': 2}, 'failing': True}] and is missing",
        ),
    ],
)  # fmt: skip
def test_a_changed_or_missing_member_is_found(now: Any, description: str) -> None:
    assert find_unexpected(find_differences(BEFORE, now), {}) == [description]


def test_an_integer_and_a_decimal_number_of_one_value_are_equal() -> None:
    assert find_differences(with_now(score=10), with_now(score=10.0)) == []


def test_only_the_change_that_is_meant_is_allowed() -> None:
    allowed = {
        "assignments[].status": AllowedDifference(
            "nothing was to be handed in online",
            lambda before, now: (before, now) == ("overdue", "past"),
        )
    }
    meant, other = (find_differences(BEFORE, with_now(status=now)) for now in ("past", "missing"))
    assert find_unexpected(meant, allowed) == []
    assert find_unused(meant, allowed) == []
    assert find_unexpected(other, allowed) == [
        "assignments.0[0].status was 'overdue' and is 'missing'"
    ]


def test_an_allowed_difference_that_does_not_occur_is_found() -> None:
    allowed = {"assignments[].name": AllowedDifference("names are shorter")}
    assert find_unused([], allowed) == ["assignments[].name"]


@pytest.mark.parametrize(
    ("member", "before", "now"),
    [
        ("assignments[].status", "overdue", "missing"),
        ("assignments[].status", "upcoming", "past"),
        ("dashboard[].assignments.overdue", 1, 2),
        ("dashboard[].assignments.missing", 2, 1),
        ("dashboard[].grades.average_score", 72.746, 72.74),
        ("dashboard[].grades.average_score", 72.746, 72.746),
        ("dashboard[].completion_rate", 0.70652, 0.71),
        ("courses[].image_url", "https://a/card.png?expires=1", "https://b/card.png"),
        ("courses[].image_url", "https://a/card.png?expires=1", "https://a/card.png?expires=2"),
    ],
)
def test_another_change_of_an_allowed_member_is_not_allowed(
    member: str, before: Any, now: Any
) -> None:
    allowed = ALLOWED_DIFFERENCES["0.1.0-2026-11-26"]
    assert member in allowed
    assert find_unexpected([Difference(member, member, before, now)], allowed)
