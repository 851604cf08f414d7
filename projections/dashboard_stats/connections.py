"""Which connections work, and when each was last synchronised."""

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
from domain.recorded_event import Recorded
from projections.support.sql_arrays import columns
from projections.support.tombstones import connection_of

TOKENS = {ConnectionOpened: True, TokenRotated: True, TokenRejected: False}
RUNS = {SyncCompleted: False, SyncFailed: True}


def record_connections(heard: Sequence[Recorded], cursor: Cursor[Any]) -> None:
    """Take a batch of events into `dashboard_connections`: of each column the last word."""
    rows: dict[UUID, dict[str, Any]] = {}
    for recorded in heard:
        kind: Any = type(recorded.event)
        if kind not in TOKENS and kind not in RUNS:
            continue
        row = rows.setdefault(
            connection_of(recorded.event), dict.fromkeys(("active", "failed", "synced"))
        )
        row |= {"person": recorded.person_id, "position": recorded.position}
        if kind in TOKENS:
            row["active"] = TOKENS[kind]
        else:
            row["failed"] = RUNS[kind]
        if kind is SyncCompleted:
            row["synced"] = recorded.recorded_at
    _keep(
        [
            (id_, row["person"], row["active"], row["failed"], row["synced"], row["position"])
            for id_, row in rows.items()
        ],
        cursor,
    )


def _keep(rows: list[tuple[Any, ...]], cursor: Cursor[Any]) -> None:
    if not rows:
        return
    cursor.execute(
        """
        INSERT INTO dashboard_connections AS kept (
            connection_id, person_id, active, failed, last_synced_at, position
        )
        SELECT heard.connection_id, heard.person_id, coalesce(heard.active, before.active, TRUE),
               coalesce(heard.failed, before.failed, FALSE),
               coalesce(heard.last_synced_at, before.last_synced_at), heard.position
          FROM unnest(
                   %b::uuid[], %b::uuid[], %b::boolean[], %b::boolean[], %b::timestamptz[],
                   %b::bigint[]
               ) AS heard (connection_id, person_id, active, failed, last_synced_at, position)
          LEFT JOIN dashboard_connections AS before USING (connection_id)
            ON CONFLICT (connection_id) DO UPDATE
           SET active         = excluded.active,
               failed         = excluded.failed,
               last_synced_at = excluded.last_synced_at,
               position       = excluded.position
        """,
        columns(rows),
    )
