"""Applies events to `dashboard_assignments`: one row for each published assignment."""

from collections.abc import Sequence
from typing import Any

from psycopg import Cursor

from domain.canvas import Assignment
from domain.recorded_event import RecordedEvent
from projections.support.assignment_changes import ReadAssignment, assignment_changes
from projections.support.assignment_document import CLOCK_COLUMNS, clock_values, encode_assignment
from projections.support.assignment_status import expects_submission, has_final_grade, is_flagged
from projections.support.json_documents import format_rfc3339, parse_time
from projections.support.upsert import Upsert

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


def record_assignments(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Apply a batch of events, without those of ended connections, to `dashboard_assignments`.

    Of each assignment only the last event of the batch matters.
    """
    changes = assignment_changes(events).published_only()
    if changes.removed:
        cursor.execute(
            "DELETE FROM dashboard_assignments WHERE assignment_id = ANY(%b::uuid[])",
            [changes.removed],
        )
    ASSIGNMENTS.execute([_row(read) for read in changes.read], cursor)


def _row(read: ReadAssignment) -> Row:
    assignment, recorded = read.assignment, read.recorded
    document = encode_assignment(
        assignment,
        id_=read.id,
        connection_id=read.connection_id,
        course_id=read.course_id,
        updated_at=format_rfc3339(recorded.recorded_at),
    )
    return (
        read.id,
        read.connection_id,
        recorded.person_id,
        read.course_id,
        *clock_values(assignment, recorded),
        is_flagged(assignment, "missing"),
        expects_submission(assignment),
        *_submission_times(assignment),
        document,
        recorded.position,
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
