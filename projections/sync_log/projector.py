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
from domain.recorded_event import Recorded
from projections.support.tombstones import ENDS, living
from projections.sync_log.connection_status import record_standings
from projections.sync_log.sync_rows import record_runs

VERSION = 3
HEARS = (
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
    *ENDS,
)
TABLES = ("syncs", "sync_standings")


def project(events: Sequence[Recorded], cursor: Cursor[Any]) -> None:
    """Take a batch of events into the tables."""
    heard = living(events, TABLES, cursor)
    record_runs(heard, cursor)
    record_standings(heard, cursor)
