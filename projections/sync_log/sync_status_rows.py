"""Applies events to `sync_standings`: one row for each connection.

It has the schedule of the connection, its newest run, and why its newest runs failed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.event import Event
from domain.events import ConnectionOpened, SyncRequested, TokenRejected, TokenRotated
from domain.events.sync import SyncEvent
from domain.recorded_event import RecordedEvent
from domain.sync_run import END_EVENTS, SyncRun
from domain.sync_schedule import Schedule
from projections.support.packed_columns import pack_uuids
from projections.support.tombstones import connection_id_of
from projections.support.upsert import Upsert
from projections.sync_log.failure_streak import FailureStreak

STATUS_EVENTS = (ConnectionOpened, TokenRotated, TokenRejected, SyncRequested, *END_EVENTS)
"""The events that change a row of `sync_standings`."""

SYNC_STANDINGS = Upsert(
    "sync_standings",
    {
        "connection_id": "uuid",
        "person_id": "uuid",
        "origin": "text",
        "opened": "bigint",
        "active": "boolean",
        "rested_at": "timestamptz",
        "failures": "integer",
        "wait": "integer",
        "sync_id": "uuid",
        "live": "boolean",
        "failed_runs": "integer",
        "partial": "boolean",
        "failing_since": "timestamptz",
        "failed_at": "timestamptz",
        "error_code": "text",
        "failed_sync_id": "uuid",
        "synced_at": "timestamptz",
        "position": "bigint",
    },
    key="connection_id",
    kept=("origin", "opened"),
)


@dataclass(slots=True)
class SyncStatusRow:
    """A row of `sync_standings`.

    `rested_at`, `failures` and `wait` are `idle_since`, `failures` and `delay_index` of `schedule`.
    `opened_position`, in the column `opened`, is the position of ConnectionOpened; rows are sorted
    by it. `sync_id` is the newest run; `has_active_sync`, in the column `live`, is whether it is
    queued or running. The columns from `failed_runs` to `synced_at` are the fields of `failures`.
    `position` is that of the last event that changed the row.
    """

    schedule: Schedule
    failures: FailureStreak
    person_id: UUID
    origin: str
    opened_position: int
    active: bool
    sync_id: UUID | None
    has_active_sync: bool
    position: int

    def values(self, id_: UUID) -> tuple[Any, ...]:
        """Return the values in the order of the columns of SYNC_STANDINGS."""
        return (
            id_,
            self.person_id,
            self.origin,
            self.opened_position,
            self.active,
            *self.schedule,
            self.sync_id,
            self.has_active_sync,
            *self.failures,
            self.position,
        )


def record_sync_status(
    events: Sequence[RecordedEvent], runs: Mapping[UUID, SyncRun], cursor: Cursor[Any]
) -> None:
    """Apply a batch of events, without those of ended connections, to `sync_standings`.

    `runs` has the runs of the batch by id, as they are after it.
    """
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
            _apply(row, recorded.event, recorded.recorded_at, runs)
    SYNC_STANDINGS.execute([row.values(id_) for id_, row in rows.items()], cursor)


def _new_status(event: ConnectionOpened, recorded: RecordedEvent) -> SyncStatusRow:
    return SyncStatusRow(
        schedule=Schedule.at_opening(event.originator_id, recorded.recorded_at),
        failures=FailureStreak(),
        person_id=recorded.person_id,
        origin=event.canvas_url,
        opened_position=recorded.position,
        active=True,
        sync_id=None,
        has_active_sync=False,
        position=recorded.position,
    )


def _apply(row: SyncStatusRow, event: Event, at: datetime, runs: Mapping[UUID, SyncRun]) -> None:
    match event:
        case TokenRotated():
            row.active = True
        case TokenRejected():
            row.active = False
        case SyncRequested():
            row.sync_id, row.has_active_sync = event.sync_id, True
        case _:
            row.has_active_sync = False
    run = runs.get(event.sync_id) if isinstance(event, SyncEvent) else None
    row.failures = row.failures.after(event, at, run)
    row.schedule = row.schedule.after(event, at)


def _load(ids: set[UUID], cursor: Cursor[Any]) -> dict[UUID, SyncStatusRow]:
    if not ids:
        return {}
    cursor.execute(
        """
        SELECT connection_id, rested_at, failures, wait, failed_runs, partial, failing_since,
               failed_at, error_code, failed_sync_id, synced_at, person_id, origin, opened,
               active, sync_id, live, position
          FROM sync_standings
         WHERE connection_id = ANY(%b::uuid[])
         ORDER BY connection_id
        """,
        [pack_uuids(ids)],
        binary=True,
    )
    return {
        id_: SyncStatusRow(Schedule(*row[:3]), FailureStreak(*row[3:10]), *row[10:])
        for id_, *row in cursor
    }
