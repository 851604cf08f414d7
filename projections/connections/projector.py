"""Keeps `connections` true."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg import Cursor

from domain.event import Event
from domain.events import (
    ConnectionOpened,
    ConnectionValidated,
    SyncCancelled,
    SyncCompleted,
    SyncFailed,
    SyncRequested,
    TokenRejected,
    TokenRotated,
)
from domain.events.connection import ConnectionEvent
from domain.recorded_event import RecordedEvent
from domain.sync_schedule import delay_index, failures_after
from projections.support.json_documents import encode, format_rfc3339
from projections.support.sql_arrays import to_columns
from projections.support.tombstones import CLOSING_EVENTS, connection_id_of, drop_ended

VERSION = 2
SUBSCRIBES_TO = (
    ConnectionOpened,
    TokenRotated,
    ConnectionValidated,
    TokenRejected,
    SyncRequested,
    SyncCompleted,
    SyncFailed,
    SyncCancelled,
    *CLOSING_EVENTS,
)
TABLES = ("connections",)


@dataclass(slots=True)
class ConnectionRow:
    """A connection as the table holds it.

    It has rested since its last run ended, or since a live one was asked for.
    """

    document: dict[str, Any]
    person_id: UUID
    origin: str
    created_at: datetime
    idle_since: datetime
    failures: int
    delay_index: int
    position: int

    def values(self, id_: UUID) -> tuple[Any, ...]:
        """The columns to keep."""
        return (
            id_,
            self.person_id,
            self.origin,
            self.created_at,
            self.document["status"] == "active",
            self.idle_since,
            self.failures,
            self.delay_index,
            encode(self.document),
            self.position,
        )


def project(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Take a batch of events into the table."""
    live_events = drop_ended(events, TABLES, cursor)
    rows = _load({connection_id_of(recorded.event) for recorded in live_events}, cursor)
    for recorded in live_events:
        id_ = connection_id_of(recorded.event)
        if isinstance(recorded.event, ConnectionOpened):
            rows[id_] = _new_row(recorded.event, recorded)
        elif row := rows.get(id_):
            _apply(row, recorded)
    _upsert([row.values(id_) for id_, row in rows.items()], cursor)


def _new_row(event: ConnectionOpened, recorded: RecordedEvent) -> ConnectionRow:
    at = format_rfc3339(recorded.recorded_at)
    document = {
        "id": event.originator_id,
        "canvas_url": event.canvas_url,
        "canvas_name": event.canvas_name,
        "canvas_user": {"id": event.canvas_user_id, "name": event.canvas_user_name},
        "status": "active",
        "token_fingerprint": event.token_fingerprint,
        "token_rotated_at": at,
        "last_validated_at": at,
        "last_synced_at": None,
        "created_at": at,
        "version": event.originator_version,
    }
    return ConnectionRow(
        person_id=recorded.person_id,
        origin=event.canvas_url,
        created_at=recorded.recorded_at,
        idle_since=recorded.recorded_at,
        failures=0,
        delay_index=delay_index(event.originator_id, 0),
        document=document,
        position=recorded.position,
    )


def _apply(row: ConnectionRow, recorded: RecordedEvent) -> None:
    at, document = format_rfc3339(recorded.recorded_at), row.document
    row.position = recorded.position
    match recorded.event:
        case TokenRotated() as event:
            document["status"] = "active"
            document["token_fingerprint"] = event.token_fingerprint
            document["token_rotated_at"] = document["last_validated_at"] = at
        case ConnectionValidated() as event:
            document["canvas_user"]["name"] = event.canvas_user_name
            document["last_validated_at"] = at
        case TokenRejected():
            document["status"] = "token_rejected"
        case event:
            _update_schedule(row, event, recorded.recorded_at)
            if isinstance(event, SyncCompleted):
                document["last_synced_at"] = at
    _update_version(document, recorded.event)


def _update_schedule(row: ConnectionRow, event: Event, at: datetime) -> None:
    failures = 0
    if not isinstance(event, SyncRequested):
        failures = row.failures = failures_after(row.failures, event)
    row.idle_since = at
    row.delay_index = delay_index(connection_id_of(event), failures)


def _update_version(document: dict[str, Any], event: Event) -> None:
    if isinstance(event, ConnectionEvent):
        document["version"] = event.originator_version


def _load(ids: set[UUID], cursor: Cursor[Any]) -> dict[UUID, ConnectionRow]:
    if not ids:
        return {}
    cursor.execute(
        """
        SELECT connection_id, document, person_id, origin, created_at, rested_at, failures, wait,
               position
          FROM connections
         WHERE connection_id = ANY(%b::uuid[])
         ORDER BY connection_id
        """,
        [list(ids)],
        binary=True,
    )
    return {
        id_: ConnectionRow(orjson.loads(document), *fields) for id_, document, *fields in cursor
    }


def _upsert(rows: list[tuple[Any, ...]], cursor: Cursor[Any]) -> None:
    if not rows:
        return
    cursor.execute(
        """
        INSERT INTO connections (
            connection_id, person_id, origin, created_at, active, rested_at, failures, wait,
            document, position
        )
        SELECT connection_id, person_id, origin, created_at, active, rested_at, failures, wait,
               document, position
          FROM unnest(
                   %b::uuid[], %b::uuid[], %b::text[], %b::timestamptz[], %b::boolean[],
                   %b::timestamptz[], %b::integer[], %b::integer[], %b::bytea[], %b::bigint[]
               ) AS incoming (
                   connection_id, person_id, origin, created_at, active, rested_at, failures, wait,
                   document, position
               )
            ON CONFLICT (connection_id) DO UPDATE
           SET active    = excluded.active,
               rested_at = excluded.rested_at,
               failures  = excluded.failures,
               wait      = excluded.wait,
               document  = excluded.document,
               position  = excluded.position
        """,
        to_columns(rows),
    )
