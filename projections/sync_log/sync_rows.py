"""Every run as its events tell it, folded as the aggregate folds it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from psycopg import Cursor

from domain.event import Event
from domain.events import (
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
)
from domain.events.sync import SyncEvent
from domain.recorded_event import RecordedEvent
from projections.support.json_documents import encode, format_rfc3339
from projections.support.sql_arrays import to_columns


@dataclass(slots=True)
class SyncRow:
    """A run as the table holds it."""

    connection_id: UUID
    person_id: UUID
    requested_position: int
    document: dict[str, Any]
    position: int

    def values(self, id_: UUID) -> tuple[Any, ...]:
        """The columns to keep."""
        return (
            id_,
            self.connection_id,
            self.person_id,
            self.requested_position,
            self.document["status"],
            encode(self.document),
            self.position,
        )


def record_syncs(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Take a batch of events into `syncs`."""
    sync_events = [
        (event.sync_id, event, recorded)
        for recorded in events
        if isinstance(event := recorded.event, SyncEvent)
    ]
    rows = _load({sync_id for sync_id, _, _ in sync_events}, cursor)
    for sync_id, event, recorded in sync_events:
        if isinstance(event, SyncRequested):
            rows[sync_id] = new_sync_row(event, recorded)
        elif row := rows.get(sync_id):
            row.position = recorded.position
            apply_event(row.document, event, format_rfc3339(recorded.recorded_at))
    _upsert([row.values(id_) for id_, row in rows.items()], cursor)


def new_sync_row(event: SyncRequested, recorded: RecordedEvent) -> SyncRow:
    """A run as it begins."""
    document = {
        "id": event.sync_id,
        "connection_id": event.connection_id,
        "trigger": event.trigger,
        "mode": event.mode,
        "status": "queued",
        "started_at": None,
        "finished_at": None,
        "courses": {"total": 0, "done": 0, "failed": 0},
        "changes": {"courses": 0, "assignments": 0, "grades": 0},
        "requests": {"total": 0, "not_modified": 0, "retried": 0},
        "error": None,
    }
    return SyncRow(
        connection_id=event.connection_id,
        person_id=recorded.person_id,
        requested_position=recorded.position,
        document=document,
        position=recorded.position,
    )


def apply_event(document: dict[str, Any], event: Event, at: str) -> None:
    """Take one event into the document of a run."""
    match event:
        case SyncStarted():
            document["status"], document["started_at"] = "running", document["started_at"] or at
        case SyncRequeued():
            document["status"], document["error"] = "queued", None
            document["courses"] = {"total": 0, "done": 0, "failed": 0}
        case SyncWidened():
            document["mode"] = "full"
        case SyncCompleted():
            document["courses"], document["requests"] = event.progress, event.requests
            document["status"] = "partial" if event.progress["failed"] else "completed"
            document["finished_at"] = at
        case SyncFailed():
            document["status"], document["finished_at"] = "failed", at
            document["requests"] = event.requests
            document["error"] = {"code": event.code, "detail": event.detail}
        case SyncCancelled():
            document["status"], document["finished_at"] = "cancelled", at
        case _:
            _apply_course_event(document, event)


def _apply_course_event(document: dict[str, Any], event: Event) -> None:
    match event:
        case CourseFetched():
            document["courses"] = event.progress
            for name in document["changes"]:
                document["changes"][name] += event.changes[name]  # type: ignore[literal-required]  # same keys
        case CourseWithdrawn():
            document["changes"]["courses"] += 1
        case CourseFetchFailed():
            document["courses"] = event.progress
            document["error"] = document["error"] or {"code": event.code, "detail": event.detail}


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
        [list(ids)],
        binary=True,
    )
    return {
        id_: SyncRow(connection_id, person_id, requested_position, orjson.loads(document), position)
        for id_, connection_id, person_id, requested_position, document, position in cursor
    }


def _upsert(rows: list[tuple[Any, ...]], cursor: Cursor[Any]) -> None:
    if not rows:
        return
    cursor.execute(
        """
        INSERT INTO syncs (
            sync_id, connection_id, person_id, requested, status, document, position
        )
        SELECT sync_id, connection_id, person_id, requested, status, document, position
          FROM unnest(
                   %b::uuid[], %b::uuid[], %b::uuid[], %b::bigint[], %b::text[], %b::bytea[],
                   %b::bigint[]
               ) AS incoming (
                   sync_id, connection_id, person_id, requested, status, document, position
               )
            ON CONFLICT (sync_id) DO UPDATE
           SET status   = excluded.status,
               document = excluded.document,
               position = excluded.position
        """,
        to_columns(rows),
    )
