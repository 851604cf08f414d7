"""Applies events to `dashboard_connections`: which work, and when each was last synchronised."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.events import (
    ConnectionOpened,
    SyncCompleted,
    SyncFailed,
    TokenRejected,
    TokenRotated,
)
from domain.recorded_event import RecordedEvent
from projections.support.packed_columns import pack_columns
from projections.support.tombstones import connection_id_of
from projections.support.upsert import RowTarget, Upsert

ACTIVE_AFTER = {ConnectionOpened: True, TokenRotated: True, TokenRejected: False}
"""Whether Canvas accepts the token of the connection, after an event."""
FAILED_AFTER = {SyncCompleted: False, SyncFailed: True}
"""Whether the last run failed, after an event; a cancelled run does not count."""
CONNECTIONS = Upsert(
    "dashboard_connections",
    {
        "connection_id": "uuid",
        "person_id": "uuid",
        "active": "boolean",
        "failed": "boolean",
        "last_synced_at": "timestamptz",
        "position": "bigint",
    },
    key="connection_id",
)
"""For rows in memory; a cursor gets a statement that keeps stored values."""
NEW_ROW = (None, None, True, False, None, None)
"""The values of a new row that no event has set."""
COLUMN_TYPES = ("uuid", "uuid", "boolean", "boolean", "timestamptz", "bigint")


def record_connections(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Apply a batch of events, without those of ended connections, to `dashboard_connections`.

    For each column the last event of the batch that concerns it counts; without one, the column
    keeps its value.
    """
    rows: dict[UUID, dict[str, Any]] = {}
    for recorded in events:
        event_type: Any = type(recorded.event)
        if event_type not in ACTIVE_AFTER and event_type not in FAILED_AFTER:
            continue
        row = rows.setdefault(
            connection_id_of(recorded.event), dict.fromkeys(("active", "failed", "synced"))
        )
        row |= {"person": recorded.person_id, "position": recorded.position}
        if event_type in ACTIVE_AFTER:
            row["active"] = ACTIVE_AFTER[event_type]
        else:
            row["failed"] = FAILED_AFTER[event_type]
        if event_type is SyncCompleted:
            row["synced"] = recorded.recorded_at
    _upsert(
        [
            (id_, row["person"], row["active"], row["failed"], row["synced"], row["position"])
            for id_, row in rows.items()
        ],
        cursor,
    )


def _upsert(rows: list[tuple[Any, ...]], cursor: Cursor[Any]) -> None:
    if not rows:
        return
    if isinstance(cursor, RowTarget):
        stored = cursor.select(CONNECTIONS.table, CONNECTIONS.columns, [row[0] for row in rows])
        before = {row[0]: row for row in stored}
        cursor.upsert(CONNECTIONS, [_merge(before.get(row[0], NEW_ROW), row) for row in rows])
        return
    cursor.execute(
        """
        INSERT INTO dashboard_connections (
            connection_id, person_id, active, failed, last_synced_at, position
        )
        SELECT incoming.connection_id, incoming.person_id,
               coalesce(incoming.active, stored.active, TRUE),
               coalesce(incoming.failed, stored.failed, FALSE),
               coalesce(incoming.last_synced_at, stored.last_synced_at), incoming.position
          FROM unnest(
                   %b::uuid[], %b::uuid[], %b::boolean[], %b::boolean[], %b::timestamptz[],
                   %b::bigint[]
               ) AS incoming (connection_id, person_id, active, failed, last_synced_at, position)
          LEFT JOIN dashboard_connections AS stored USING (connection_id)
            ON CONFLICT (connection_id) DO UPDATE
           SET active         = excluded.active,
               failed         = excluded.failed,
               last_synced_at = excluded.last_synced_at,
               position       = excluded.position
        """,
        pack_columns(COLUMN_TYPES, rows),
    )


def _merge(before: tuple[Any, ...], row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row with the values before where it has none, as the statement writes it."""
    return tuple(old if new is None else new for old, new in zip(before, row, strict=True))
