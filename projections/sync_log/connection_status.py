"""What each open connection is doing: its newest run, and since when it has rested."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.event import Event
from domain.events import (
    ConnectionOpened,
    SyncCancelled,
    SyncCompleted,
    SyncFailed,
    SyncRequested,
    TokenRejected,
    TokenRotated,
)
from domain.recorded_event import RecordedEvent
from domain.sync_schedule import delay_index, failures_after
from projections.support.sql_arrays import to_columns
from projections.support.tombstones import connection_id_of

STATUS_EVENTS = (
    ConnectionOpened,
    TokenRotated,
    TokenRejected,
    SyncRequested,
    SyncCompleted,
    SyncFailed,
    SyncCancelled,
)


@dataclass(slots=True)
class ConnectionStatus:
    """A connection as the table holds it; `opened` is where in the log it began."""

    person_id: UUID
    origin: str
    opened_position: int
    active: bool
    idle_since: datetime
    failures: int
    delay_index: int
    sync_id: UUID | None
    has_active_sync: bool
    position: int

    def values(self, id_: UUID) -> tuple[Any, ...]:
        """The columns to keep."""
        return (
            id_,
            self.person_id,
            self.origin,
            self.opened_position,
            self.active,
            self.idle_since,
            self.failures,
            self.delay_index,
            self.sync_id,
            self.has_active_sync,
            self.position,
        )


def record_connection_status(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Take a batch of events into `sync_standings`."""
    changes = [
        (connection_id_of(recorded.event), recorded)
        for recorded in events
        if isinstance(recorded.event, STATUS_EVENTS)
    ]
    rows = _load({id_ for id_, _ in changes}, cursor)
    for id_, recorded in changes:
        if isinstance(recorded.event, ConnectionOpened):
            rows[id_] = _new_status(recorded.event, recorded)
        elif row := rows.get(id_):
            row.position = recorded.position
            _apply(row, recorded.event, recorded.recorded_at)
    _upsert([row.values(id_) for id_, row in rows.items()], cursor)


def _new_status(event: ConnectionOpened, recorded: RecordedEvent) -> ConnectionStatus:
    return ConnectionStatus(
        person_id=recorded.person_id,
        origin=event.canvas_url,
        opened_position=recorded.position,
        active=True,
        idle_since=recorded.recorded_at,
        failures=0,
        delay_index=delay_index(event.originator_id, 0),
        sync_id=None,
        has_active_sync=False,
        position=recorded.position,
    )


def _apply(row: ConnectionStatus, event: Event, at: datetime) -> None:
    match event:
        case TokenRotated():
            row.active = True
        case TokenRejected():
            row.active = False
        case SyncRequested():
            row.sync_id, row.has_active_sync = event.sync_id, True
            row.idle_since, row.delay_index = at, delay_index(event.connection_id, 0)
        case _:
            row.has_active_sync = False
            row.failures = failures_after(row.failures, event)
            row.idle_since = at
            row.delay_index = delay_index(connection_id_of(event), row.failures)


def _load(ids: set[UUID], cursor: Cursor[Any]) -> dict[UUID, ConnectionStatus]:
    if not ids:
        return {}
    cursor.execute(
        """
        SELECT connection_id, person_id, origin, opened, active, rested_at, failures, wait,
               sync_id, live, position
          FROM sync_standings
         WHERE connection_id = ANY(%b::uuid[])
         ORDER BY connection_id
        """,
        [list(ids)],
        binary=True,
    )
    return {id_: ConnectionStatus(*fields) for id_, *fields in cursor}


def _upsert(rows: list[tuple[Any, ...]], cursor: Cursor[Any]) -> None:
    if not rows:
        return
    cursor.execute(
        """
        INSERT INTO sync_standings (
            connection_id, person_id, origin, opened, active, rested_at, failures, wait, sync_id,
            live, position
        )
        SELECT connection_id, person_id, origin, opened, active, rested_at, failures, wait, sync_id,
               live, position
          FROM unnest(
                   %b::uuid[], %b::uuid[], %b::text[], %b::bigint[], %b::boolean[],
                   %b::timestamptz[], %b::integer[], %b::integer[], %b::uuid[], %b::boolean[],
                   %b::bigint[]
               ) AS incoming (
                   connection_id, person_id, origin, opened, active, rested_at, failures, wait,
                   sync_id, live, position
               )
            ON CONFLICT (connection_id) DO UPDATE
           SET active    = excluded.active,
               rested_at = excluded.rested_at,
               failures  = excluded.failures,
               wait      = excluded.wait,
               sync_id   = excluded.sync_id,
               live      = excluded.live,
               position  = excluded.position
        """,
        to_columns(rows),
    )
