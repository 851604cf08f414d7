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
from domain.recorded_event import Recorded
from projections.support.json_documents import rfc3339, stored
from projections.support.sql_arrays import columns


@dataclass(slots=True)
class Run:
    """A run as the table holds it."""

    connection_id: UUID
    person_id: UUID
    began: int
    document: dict[str, Any]
    position: int

    def row(self, id_: UUID) -> tuple[Any, ...]:
        """The columns to keep."""
        return (
            id_,
            self.connection_id,
            self.person_id,
            self.began,
            self.document["status"],
            stored(self.document),
            self.position,
        )


def record_runs(heard: Sequence[Recorded], cursor: Cursor[Any]) -> None:
    """Take a batch of events into `syncs`."""
    told = [
        (event.sync_id, event, recorded)
        for recorded in heard
        if isinstance(event := recorded.event, SyncEvent)
    ]
    runs = _runs({sync_id for sync_id, _, _ in told}, cursor)
    for sync_id, event, recorded in told:
        if isinstance(event, SyncRequested):
            runs[sync_id] = requested(event, recorded)
        elif run := runs.get(sync_id):
            run.position = recorded.position
            advance(run.document, event, rfc3339(recorded.recorded_at))
    _keep([run.row(id_) for id_, run in runs.items()], cursor)


def requested(event: SyncRequested, recorded: Recorded) -> Run:
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
    return Run(
        connection_id=event.connection_id,
        person_id=recorded.person_id,
        began=recorded.position,
        document=document,
        position=recorded.position,
    )


def advance(run: dict[str, Any], event: Event, at: str) -> None:
    """Take one event into the document of a run."""
    match event:
        case SyncStarted():
            run["status"], run["started_at"] = "running", run["started_at"] or at
        case SyncRequeued():
            run["status"], run["error"] = "queued", None
            run["courses"] = {"total": 0, "done": 0, "failed": 0}
        case SyncWidened():
            run["mode"] = "full"
        case SyncCompleted():
            run["courses"], run["requests"] = event.progress, event.requests
            run["status"] = "partial" if event.progress["failed"] else "completed"
            run["finished_at"] = at
        case SyncFailed():
            run["status"], run["finished_at"] = "failed", at
            run["requests"] = event.requests
            run["error"] = {"code": event.code, "detail": event.detail}
        case SyncCancelled():
            run["status"], run["finished_at"] = "cancelled", at
        case _:
            _find(run, event)


def _find(run: dict[str, Any], event: Event) -> None:
    match event:
        case CourseFetched():
            run["courses"] = event.progress
            for kind in run["changes"]:
                run["changes"][kind] += event.changes[kind]  # type: ignore[literal-required]  # same keys
        case CourseWithdrawn():
            run["changes"]["courses"] += 1
        case CourseFetchFailed():
            run["courses"] = event.progress
            run["error"] = run["error"] or {"code": event.code, "detail": event.detail}


def _runs(ids: set[UUID], cursor: Cursor[Any]) -> dict[UUID, Run]:
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
        id_: Run(connection_id, person_id, requested, orjson.loads(document), position)
        for id_, connection_id, person_id, requested, document, position in cursor
    }


def _keep(rows: list[tuple[Any, ...]], cursor: Cursor[Any]) -> None:
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
               ) AS told (
                   sync_id, connection_id, person_id, requested, status, document, position
               )
            ON CONFLICT (sync_id) DO UPDATE
           SET status   = excluded.status,
               document = excluded.document,
               position = excluded.position
        """,
        columns(rows),
    )
