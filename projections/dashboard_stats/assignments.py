"""Applies events to `dashboard_assignments`: one row for each published assignment.

The query counts all of them, but shows only the next ones that are due. One whose status is
settled, or that has no due date, can never be among these: its row has no document.
"""

from collections.abc import Sequence
from typing import Any

from psycopg import Cursor

from domain.canvas import Assignment
from domain.recorded_event import RecordedEvent
from projections.support.assignment_changes import ReadAssignment, assignment_changes
from projections.support.assignment_document import (
    CLOCK_COLUMNS,
    clock_values,
    encode_assignment,
)
from projections.support.assignment_status import expects_submission, has_final_grade, is_flagged
from projections.support.json_documents import format_rfc3339, parse_time
from projections.support.upsert import Delete, Upsert

Row = tuple[Any, ...]

ASSIGNMENTS = Upsert(
    "dashboard_assignments",
    {
        "assignment_id": "uuid",
        "connection_id": "uuid",
        "person_id": "uuid",
        "course_id": "uuid",
        **CLOCK_COLUMNS,
        "missing": "boolean",
        "asks_for_work": "boolean",
        "submitted_at": "timestamptz",
        "graded_at": "timestamptz",
        "document": "bytea",
        "position": "bigint",
    },
    key="assignment_id",
)
REMOVED_ASSIGNMENTS = Delete("dashboard_assignments", key="assignment_id")


def record_assignments(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Apply a batch of events, without those of ended connections, to `dashboard_assignments`.

    Of each assignment only the last event of the batch matters.
    """
    changes = assignment_changes(events).published_only()
    REMOVED_ASSIGNMENTS.execute(changes.removed, cursor)
    ASSIGNMENTS.execute([_row(read) for read in changes.read], cursor)


def _row(read: ReadAssignment) -> Row:
    assignment, recorded = read.assignment, read.recorded
    clock = clock_values(assignment, recorded)
    due_at, settled, *_ = clock
    can_be_shown = settled is None and due_at is not None
    return (
        read.id,
        read.connection_id,
        recorded.person_id,
        read.course_id,
        *clock,
        is_flagged(assignment, "missing"),
        expects_submission(assignment),
        *_submission_times(assignment),
        _encode_document(read) if can_be_shown else None,
        recorded.position,
    )


def _encode_document(read: ReadAssignment) -> bytes:
    return encode_assignment(
        read.assignment,
        id_=read.id,
        connection_id=read.connection_id,
        course_id=read.course_id,
        updated_at=format_rfc3339(read.recorded.recorded_at),
    )


def _submission_times(assignment: Assignment) -> Row:
    """Return the values of `submitted_at` and `graded_at`.

    `graded_at` is left empty without a final grade that the student can see.
    """
    submission = assignment["submission"]
    if submission is None:
        return (None, None)
    return (
        parse_time(submission["submitted_at"]),
        parse_time(submission["graded_at"]) if has_final_grade(assignment) else None,
    )
