"""The parts of an assignment, the date that follows from them, and its lock."""

from typing import Any

import pytest

from infrastructure.canvas.parse_assignment import parse_assignment, parse_group
from tests.infrastructure.canvas.rows import assignment_row, group_row, submission_row

FIRST_DUE_AT, LAST_DUE_AT = "2026-09-10T00:00:00Z", "2026-09-20T00:00:00Z"
CHECKPOINTS: list[dict[str, Any]] = [
    {"tag": "reply_to_entry", "name": "Replies", "points_possible": 6, "due_at": LAST_DUE_AT},
    {"tag": "reply_to_topic", "name": None, "points_possible": 4, "due_at": FIRST_DUE_AT},
    {"tag": None, "due_at": "2026-09-01T00:00:00Z"},
]


def first_part(**fields: Any) -> dict[str, Any]:
    row = {"sub_assignment_tag": "reply_to_topic", **fields}
    return {"sub_assignment_submissions": [row]}


@pytest.mark.parametrize(
    ("fields", "due_at"),
    [
        ({}, FIRST_DUE_AT),
        (first_part(score=4.0), LAST_DUE_AT),
        (first_part(missing=True), FIRST_DUE_AT),
        (first_part(submitted_at=FIRST_DUE_AT), LAST_DUE_AT),
        ({"workflow_state": "pending_review"}, LAST_DUE_AT),
        ({"workflow_state": "pending_review", **first_part(missing=True)}, FIRST_DUE_AT),
        ({"workflow_state": "submitted"}, LAST_DUE_AT),
        ({"excused": True}, LAST_DUE_AT),
    ],
)
def test_an_assignment_is_due_with_its_next_part_that_is_not_done(
    fields: dict[str, Any], due_at: str
) -> None:
    own = submission_row(workflow_state="unsubmitted", score=None, grade=None) | fields
    row = assignment_row(due_at=None, checkpoints=CHECKPOINTS, submission=own)
    group = parse_group(group_row())
    assert group
    parsed = parse_assignment(row, group, "42")
    assert parsed
    assert [part["tag"] for part in parsed["parts"]] == ["reply_to_topic", "reply_to_entry"]
    assert parsed["due_at"] == due_at


def test_a_next_part_without_a_date_leaves_the_assignment_without_one() -> None:
    checkpoints = [CHECKPOINTS[1], {**CHECKPOINTS[0], "due_at": None}]
    row = assignment_row(due_at=None, checkpoints=checkpoints)
    group = parse_group(group_row())
    assert group
    for score, due_at in ((None, FIRST_DUE_AT), (4.0, None)):
        own = submission_row(workflow_state="unsubmitted", score=None, grade=None)
        parsed = parse_assignment(row | {"submission": own | first_part(score=score)}, group, "42")
        assert parsed
        assert parsed["due_at"] == due_at


@pytest.mark.parametrize(
    ("fields", "lock"),
    [
        ({}, (False, None, None)),
        ({"locked_for_user": None}, (None, None, None)),
        (
            {"locked_for_user": True, "lock_info": {"unlock_at": "2026-10-01T00:00:00Z"}},
            (True, "date", None),
        ),
        (
            {
                "locked_for_user": True,
                "lock_info": {"context_module": {"id": 1}},
                "lock_explanation": "Part of <b>M &amp; N</b>.<br/><a href='x'>Visit</a>",
            },
            (True, "module", "Part of M & N."),
        ),
        (
            {"locked_for_user": True, "lock_info": None, "lock_explanation": "<a"},
            (True, "other", "<a"),
        ),
        (
            {"locked_for_user": True, "lock_explanation": "Shut<script>x()</script>."},
            (True, "other", "Shut."),
        ),
    ],
)
def test_a_lock_is_parsed_with_its_reason(fields: dict[str, Any], lock: Any) -> None:
    group = parse_group(group_row())
    assert group
    parsed = parse_assignment(assignment_row(**fields), group, "42")
    assert parsed
    assert (parsed["locked_for_user"], parsed["locked_by"], parsed["lock_explanation"]) == lock
