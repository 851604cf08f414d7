"""Projector of `grade_history`: one row for each GradeChanged, which never changes."""

from collections.abc import Sequence
from typing import Any

from psycopg import Cursor

from domain.events import GradeChanged
from domain.recorded_event import RecordedEvent
from projections.support.cached_ids import course_id
from projections.support.grade_change_document import changed_assignment_id, encode_grade_change
from projections.support.tombstones import CLOSING_EVENTS, drop_ended
from projections.support.upsert import Upsert

VERSION = 1
SUBSCRIBES_TO = (GradeChanged, *CLOSING_EVENTS)
TABLES = ("grade_history",)

GRADE_HISTORY = Upsert(
    "grade_history",
    {
        "position": "bigint",
        "connection_id": "uuid",
        "person_id": "uuid",
        "course_id": "uuid",
        "assignment_id": "uuid",
        "changed_at": "timestamptz",
        "document": "bytea",
    },
)


def project(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Apply a batch of events to `grade_history`, which the search path of `cursor` must find."""
    rows = [
        _row(event, recorded)
        for recorded in drop_ended(events, TABLES, cursor)
        if isinstance(event := recorded.event, GradeChanged)
    ]
    GRADE_HISTORY.execute(rows, cursor)


def _row(event: GradeChanged, recorded: RecordedEvent) -> tuple[Any, ...]:
    return (
        recorded.position,
        event.connection_id,
        recorded.person_id,
        course_id(event.connection_id, event.course_id),
        changed_assignment_id(event),
        recorded.recorded_at,
        encode_grade_change(event, recorded),
    )
