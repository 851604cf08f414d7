"""The JSON of an assignment, as the read models `assignments` and `dashboard_stats` store it.

The members `status`, `locked`, `lock_reason` and `parts` depend on the clock. A projector stores
the columns that they need (`CLOCK_COLUMNS`), and a query adds them to the stored document.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from domain.canvas import Assignment, Part, Submission
from domain.recorded_event import RecordedEvent
from projections.support.assignment_lock import lock_of
from projections.support.assignment_status import StatusRule, part_rules, status_at, status_rule
from projections.support.json_documents import add_members, encode, parse_time
from projections.support.rounded_numbers import round_score

CLOCK_COLUMNS = {
    "due_at": "timestamptz",
    "settled": "text",
    "once_due": "text",
    "locked_until": "timestamptz",
    "locked_from": "timestamptz",
    "until_reason": "bytea",
    "from_reason": "bytea",
    "parts": "bytea",
}
"""The columns of an assignment that its members need which depend on the clock."""

PART_NAMES = {"reply_to_topic": "Reply to topic", "reply_to_entry": "Required replies"}
"""Names of parts that Canvas does not name, by their tags."""


def encode_assignment(
    assignment: Assignment, *, id_: UUID, connection_id: UUID, course_id: UUID, updated_at: str
) -> bytes:
    """Return the JSON of an assignment without the members that depend on the clock.

    `updated_at` is RFC 3339 text.
    """
    return encode(
        {
            "id": id_,
            "connection_id": connection_id,
            "course_id": course_id,
            "canvas_id": assignment["canvas_id"],
            "name": assignment["name"],
            "group": assignment["group"],
            "due_at": assignment["due_at"],
            "unlock_at": assignment["unlock_at"],
            "lock_at": assignment["lock_at"],
            "points_possible": assignment["points_possible"],
            "grading_type": assignment["grading_type"],
            "submission_types": assignment["submission_types"],
            "html_url": assignment["html_url"],
            "omit_from_final_grade": assignment["omit_from_final_grade"],
            "grading_period_id": assignment["grading_period_id"],
            "submission": _submission_document(assignment["submission"]),
            "updated_at": updated_at,
        }
    )


def clock_values(assignment: Assignment, recorded: RecordedEvent) -> tuple[Any, ...]:
    """Return the values of `CLOCK_COLUMNS`; `recorded` is the event that has the assignment."""
    return (
        parse_time(assignment["due_at"]),
        *status_rule(assignment),
        *lock_of(assignment, recorded.recorded_at),
        _encode_parts(assignment) if assignment["parts"] else None,
    )


def add_clock_members(
    document: bytes, status: str, lock_reason: bytes | None, parts: bytes | None, now: datetime
) -> bytes:
    """Return the JSON of an assignment with the members that depend on the clock added.

    `parts` is the stored column, and `lock_reason` the result of `LOCK_REASON_SQL`.
    """
    return add_members(
        document,
        b'"status":"%b","locked":%b,"lock_reason":%b,"parts":%b'
        % (
            status.encode(),
            b"true" if lock_reason else b"false",
            lock_reason or b"null",
            _parts_at(parts, now) if parts else b"[]",
        ),
    )


def part_name(part: Part) -> str:
    """Return the name of a part; one for its tag if Canvas does not name it."""
    tag = part["tag"]
    return part["name"] or PART_NAMES.get(tag) or tag.replace("_", " ").capitalize() or "Part"


def sorted_parts(assignment: Assignment) -> list[tuple[Part, StatusRule]]:
    """Return the parts by due date with what decides their status; undated ones come last."""
    found = zip(assignment["parts"], part_rules(assignment), strict=True)
    return sorted(found, key=lambda item: (item[0]["due_at"] is None, item[0]["due_at"] or ""))


def _submission_document(submission: Submission | None) -> dict[str, Any] | None:
    if submission is None:
        return None
    return {
        "state": submission["state"],
        "score": round_score(submission["score"]),
        "grade": submission["grade"],
        "submitted_at": submission["submitted_at"],
        "graded_at": submission["graded_at"],
        "posted_at": submission["posted_at"],
        "excused": submission["excused"],
        "late": submission["late"],
        "missing": submission["missing"],
        "points_deducted": round_score(submission["points_deducted"]),
        "attempt": submission["attempt"],
    }


def _encode_parts(assignment: Assignment) -> bytes:
    return encode(
        [
            {
                "tag": part["tag"],
                "name": part_name(part),
                "due_at": part["due_at"],
                "points_possible": part["points_possible"],
                "score": round_score(part["submission"]["score"]) if part["submission"] else None,
                "rule": list(rule),
            }
            for part, rule in sorted_parts(assignment)
        ]
    )


def _parts_at(stored: bytes, now: datetime) -> bytes:
    return encode([_part_document(part, now) for part in orjson.loads(stored)])


def _part_document(part: dict[str, Any], now: datetime) -> dict[str, Any]:
    rule = StatusRule(*part["rule"])
    return {
        "name": part["name"],
        "due_at": part["due_at"],
        "points_possible": part["points_possible"],
        "status": status_at(rule, parse_time(part["due_at"]), now),
        "score": part["score"],
    }
