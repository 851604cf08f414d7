"""Keeps `grade_history` true."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.events import GradeChanged
from domain.recorded_event import RecordedEvent
from projections.support.cached_ids import assignment_id, course_id
from projections.support.json_documents import encode, format_rfc3339
from projections.support.sql_arrays import to_columns
from projections.support.tombstones import CLOSING_EVENTS, drop_ended

VERSION = 1
SUBSCRIBES_TO = (GradeChanged, *CLOSING_EVENTS)
TABLES = ("grade_history",)


def project(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Take a batch of events into the table."""
    rows = [_row(recorded) for recorded in drop_ended(events, TABLES, cursor)]
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
               ) AS incoming (
                   position, connection_id, person_id, course_id, assignment_id, changed_at,
                   document
               )
        """,
        to_columns(rows),
    )


def encode_grade_change(recorded: RecordedEvent) -> bytes:
    """A change of a grade as `GET /canvas/grades/history` shows it."""
    event: GradeChanged = recorded.event  # type: ignore[assignment]  # the only kind that lives on
    return encode(
        {
            "changed_at": format_rfc3339(recorded.recorded_at),
            "course_id": course_id(event.connection_id, event.course_id),
            "assignment_id": _assignment_id_of(event),
            "subject": event.subject,
            "previous": event.previous,
            "current": event.current,
            "sync_id": event.sync_id,
        }
    )


def _assignment_id_of(event: GradeChanged) -> UUID | None:
    if event.assignment_id is None:
        return None
    return assignment_id(event.connection_id, event.assignment_id)


def _row(recorded: RecordedEvent) -> tuple[Any, ...]:
    event: GradeChanged = recorded.event  # type: ignore[assignment]  # the only kind that lives on
    return (
        recorded.position,
        event.connection_id,
        recorded.person_id,
        course_id(event.connection_id, event.course_id),
        _assignment_id_of(event),
        recorded.recorded_at,
        encode_grade_change(recorded),
    )
