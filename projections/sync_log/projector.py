"""Projector of `sync_log`: the tables `syncs`, every run, and `sync_standings`, the sync status.

All events of runs change `syncs`; `sync_standings` has one row for each open connection.
"""

from collections.abc import Sequence
from typing import Any

from psycopg import Cursor

from domain.events import ConnectionOpened, TokenRejected, TokenRotated
from domain.recorded_event import RecordedEvent
from domain.sync_run import RUN_EVENTS
from projections.support.tombstones import CLOSING_EVENTS, drop_ended
from projections.sync_log.sync_rows import record_syncs
from projections.sync_log.sync_status_rows import record_sync_status

VERSION = 4
SUBSCRIBES_TO = (ConnectionOpened, TokenRotated, TokenRejected, *RUN_EVENTS, *CLOSING_EVENTS)
TABLES = ("syncs", "sync_standings")


def project(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Apply a batch of events to the tables, which the search path of `cursor` must find."""
    remaining = drop_ended(events, TABLES, cursor)
    runs = record_syncs(remaining, cursor)
    record_sync_status(remaining, runs, cursor)
