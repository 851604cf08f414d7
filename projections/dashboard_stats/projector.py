"""Keeps the tables behind the dashboard true."""

from collections.abc import Sequence
from typing import Any

from psycopg import Cursor

from domain.events import (
    ConnectionOpened,
    CourseFetched,
    CourseWithdrawn,
    GradeChanged,
    SyncCompleted,
    SyncFailed,
    TokenRejected,
    TokenRotated,
)
from domain.recorded_event import RecordedEvent
from projections.dashboard_stats.assignments import record_assignments
from projections.dashboard_stats.connections import record_connections
from projections.dashboard_stats.courses import record_courses
from projections.support.cached_ids import course_id
from projections.support.sql_arrays import to_columns
from projections.support.tombstones import CLOSING_EVENTS, drop_ended

VERSION = 1
SUBSCRIBES_TO = (
    ConnectionOpened,
    TokenRotated,
    TokenRejected,
    CourseFetched,
    CourseWithdrawn,
    GradeChanged,
    SyncCompleted,
    SyncFailed,
    *CLOSING_EVENTS,
)
TABLES = (
    "dashboard_connections",
    "dashboard_courses",
    "dashboard_assignments",
    "dashboard_grade_changes",
)


def project(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Take a batch of events into the tables."""
    live_events = drop_ended(events, TABLES, cursor)
    record_connections(live_events, cursor)
    record_courses(live_events, cursor)
    record_assignments(live_events, cursor)
    _record_grade_changes(live_events, cursor)


def _record_grade_changes(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    rows = [
        (
            recorded.position,
            event.connection_id,
            recorded.person_id,
            course_id(event.connection_id, event.course_id),
            recorded.recorded_at,
        )
        for recorded in events
        if isinstance(event := recorded.event, GradeChanged) and not event.baseline
    ]
    if not rows:
        return
    cursor.execute(
        """
        INSERT INTO dashboard_grade_changes (
            position, connection_id, person_id, course_id, changed_at
        )
        SELECT position, connection_id, person_id, course_id, changed_at
          FROM unnest(
                   %b::bigint[], %b::uuid[], %b::uuid[], %b::uuid[], %b::timestamptz[]
               ) AS incoming (position, connection_id, person_id, course_id, changed_at)
        """,
        to_columns(rows),
    )
