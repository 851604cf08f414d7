"""Keeps `grade_history` true."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.events import GradeChanged
from domain.recorded_event import Recorded
from projections.support.cached_ids import assignment_id, course_id
from projections.support.json_documents import rfc3339, stored
from projections.support.sql_arrays import columns
from projections.support.tombstones import ENDS, living

VERSION = 1
HEARS = (GradeChanged, *ENDS)
TABLES = ("grade_history",)


def project(events: Sequence[Recorded], cursor: Cursor[Any]) -> None:
    """Take a batch of events into the table."""
    rows = [_row(recorded) for recorded in living(events, TABLES, cursor)]
    if not rows:
        return
    cursor.execute(
        """
        INSERT INTO grade_history (
            position, connection_id, person_id, course_id, assignment_id, changed_at, document
        )
        SELECT position, connection_id, person_id, course_id, assignment_id, changed_at, document
          FROM unnest(
                   %b::bigint[], %b::uuid[], %b::uuid[], %b::uuid[], %b::uuid[],
                   %b::timestamptz[], %b::bytea[]
               ) AS changes (
                   position, connection_id, person_id, course_id, assignment_id, changed_at,
                   document
               )
        """,
        columns(rows),
    )


def change_document(recorded: Recorded) -> bytes:
    """A change of a grade as `GET /canvas/grades/history` shows it."""
    event: GradeChanged = recorded.event  # type: ignore[assignment]  # the only kind that lives on
    return stored(
        {
            "changed_at": rfc3339(recorded.recorded_at),
            "course_id": course_id(event.connection_id, event.course_id),
            "assignment_id": _assignment(event),
            "subject": event.subject,
            "previous": event.previous,
            "current": event.current,
            "sync_id": event.sync_id,
        }
    )


def _assignment(event: GradeChanged) -> UUID | None:
    if event.assignment_id is None:
        return None
    return assignment_id(event.connection_id, event.assignment_id)


def _row(recorded: Recorded) -> tuple[Any, ...]:
    event: GradeChanged = recorded.event  # type: ignore[assignment]  # the only kind that lives on
    return (
        recorded.position,
        event.connection_id,
        recorded.person_id,
        course_id(event.connection_id, event.course_id),
        _assignment(event),
        recorded.recorded_at,
        change_document(recorded),
    )
