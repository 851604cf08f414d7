"""Keeps `syncs`, every run, and `sync_standings`, what each connection is doing, true."""

from collections.abc import Sequence
from typing import Any

from psycopg import Cursor

from domain.events import (
    ConnectionOpened,
    CourseFetched,
    CourseFetchFailed,
    CourseWithdrawn,
    SyncCancelled,
    SyncCompleted,
    SyncFailed,
    SyncRequested,
    SyncRequeued,
    SyncStarted,
    SyncWidened,
    TokenRejected,
    TokenRotated,
)
from domain.recorded_event import RecordedEvent
from projections.support.tombstones import CLOSING_EVENTS, drop_ended
from projections.sync_log.connection_status import record_connection_status
from projections.sync_log.sync_rows import record_syncs

VERSION = 3
SUBSCRIBES_TO = (
    ConnectionOpened,
    TokenRotated,
    TokenRejected,
    SyncRequested,
    SyncStarted,
    SyncRequeued,
    SyncWidened,
    CourseFetched,
    CourseWithdrawn,
    CourseFetchFailed,
    SyncCompleted,
    SyncFailed,
    SyncCancelled,
    *CLOSING_EVENTS,
)
TABLES = ("syncs", "sync_standings")


def project(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Take a batch of events into the tables."""
    live_events = drop_ended(events, TABLES, cursor)
    record_syncs(live_events, cursor)
    record_connection_status(live_events, cursor)
