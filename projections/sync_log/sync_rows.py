"""Applies the events of runs to `syncs`: one row for each run, with its document."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from psycopg import Cursor

from domain.events.sync import SyncEvent
from domain.recorded_event import RecordedEvent
from domain.sync_run import SyncRun, apply_event, run_after
from projections.support.json_documents import encode, format_rfc3339
from projections.support.packed_columns import pack_uuids
from projections.support.upsert import Upsert

SYNCS = Upsert(
    "syncs",
    {
        "sync_id": "uuid",
        "connection_id": "uuid",
        "person_id": "uuid",
        "requested": "bigint",
        "status": "text",
        "document": "bytea",
        "position": "bigint",
    },
    key="sync_id",
    kept=("requested",),
)


@dataclass(slots=True)
class SyncRow:
    """A row of `syncs`.

    `requested_position`, in the column `requested`, is the position of SyncRequested; rows are
    sorted by it. `position` is that of the last event that changed the row.
    """

    connection_id: UUID
    person_id: UUID
    requested_position: int
    run: SyncRun
    position: int

    def values(self, id_: UUID) -> tuple[Any, ...]:
        """Return the values in the order of the columns of SYNCS."""
        return (
            id_,
            self.connection_id,
            self.person_id,
            self.requested_position,
            self.run["status"],
            encode(self.run),
            self.position,
        )


def record_syncs(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> dict[UUID, SyncRun]:
    """Apply a batch of events, without those of ended connections, to `syncs`.

    Returns the runs that the batch changed, by id.
    """
    sync_events = [
        (event, recorded) for recorded in events if isinstance(event := recorded.event, SyncEvent)
    ]
    rows = _load({event.sync_id for event, _ in sync_events}, cursor)
    for event, recorded in sync_events:
        at = format_rfc3339(recorded.recorded_at)
        if row := rows.get(event.sync_id):
            row.position = recorded.position
            apply_event(row.run, event, at)
        elif run := run_after(None, event, at):
            rows[event.sync_id] = SyncRow(
                connection_id=event.connection_id,
                person_id=recorded.person_id,
                requested_position=recorded.position,
                run=run,
                position=recorded.position,
            )
    SYNCS.execute([row.values(id_) for id_, row in rows.items()], cursor)
    return {id_: row.run for id_, row in rows.items()}


def _load(ids: set[UUID], cursor: Cursor[Any]) -> dict[UUID, SyncRow]:
    if not ids:
        return {}
    cursor.execute(
        """
        SELECT sync_id, connection_id, person_id, requested, document, position
          FROM syncs
         WHERE sync_id = ANY(%b::uuid[])
         ORDER BY sync_id
        """,
        [pack_uuids(ids)],
        binary=True,
    )
    return {
        id_: SyncRow(connection_id, person_id, requested_position, orjson.loads(document), position)
        for id_, connection_id, person_id, requested_position, document, position in cursor
    }
