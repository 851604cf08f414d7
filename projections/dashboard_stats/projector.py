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
from domain.recorded_event import Recorded
from projections.dashboard_stats.assignments import record_assignments
from projections.dashboard_stats.connections import record_connections
from projections.dashboard_stats.courses import record_courses
from projections.support.cached_ids import course_id
from projections.support.sql_arrays import columns
from projections.support.tombstones import ENDS, living

VERSION = 1
HEARS = (
    ConnectionOpened,
    TokenRotated,
    TokenRejected,
    CourseFetched,
    CourseWithdrawn,
    GradeChanged,
    SyncCompleted,
    SyncFailed,
    *ENDS,
)
TABLES = (
    "dashboard_connections",
    "dashboard_courses",
    "dashboard_assignments",
    "dashboard_grade_changes",
)


def project(events: Sequence[Recorded], cursor: Cursor[Any]) -> None:
    """Take a batch of events into the tables."""
    heard = living(events, TABLES, cursor)
    record_connections(heard, cursor)
    record_courses(heard, cursor)
    record_assignments(heard, cursor)
    _record_changes(heard, cursor)


def _record_changes(heard: Sequence[Recorded], cursor: Cursor[Any]) -> None:
    rows = [
        (
            recorded.position,
            event.connection_id,
            recorded.person_id,
            course_id(event.connection_id, event.course_id),
            recorded.recorded_at,
        )
        for recorded in heard
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
               ) AS changes (position, connection_id, person_id, course_id, changed_at)
        """,
        columns(rows),
    )
