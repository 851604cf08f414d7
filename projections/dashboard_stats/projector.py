"""Projector of `dashboard_stats`: connections, courses, assignments and grade changes to count.

It stores what the query counts, not the numbers: most of them depend on the clock. It has rows of
its own, because a read model does not read the tables of another one.
"""

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
from projections.support.tombstones import CLOSING_EVENTS, drop_ended
from projections.support.upsert import Upsert

VERSION = 3
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

GRADE_CHANGES = Upsert(
    "dashboard_grade_changes",
    {
        "position": "bigint",
        "connection_id": "uuid",
        "person_id": "uuid",
        "course_id": "uuid",
        "changed_at": "timestamptz",
    },
)


def project(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Apply a batch of events to the tables, which the search path of `cursor` must find."""
    remaining = drop_ended(events, TABLES, cursor)
    record_connections(remaining, cursor)
    record_courses(remaining, cursor)
    record_assignments(remaining, cursor)
    _record_grade_changes(remaining, cursor)


def _record_grade_changes(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Add a row for each grade change except baselines, which are first values and not news."""
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
    GRADE_CHANGES.execute(rows, cursor)
