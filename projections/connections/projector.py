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
from domain.recorded_event import Recorded
from domain.sync_schedule import failures_after, wait_of
from projections.support.json_documents import rfc3339, stored
from projections.support.sql_arrays import columns
from projections.support.tombstones import ENDS, connection_of, living

VERSION = 2
HEARS = (
    ConnectionOpened,
    TokenRotated,
    ConnectionValidated,
    TokenRejected,
    SyncRequested,
    SyncCompleted,
    SyncFailed,
    SyncCancelled,
    *ENDS,
)
TABLES = ("connections",)


@dataclass(slots=True)
class Known:
    """A connection as the table holds it.

    It has rested since its last run ended, or since a live one was asked for.
    """

    document: dict[str, Any]
    person_id: UUID
    origin: str
    created_at: datetime
    rested_at: datetime
    failures: int
    wait: int
    position: int

    def row(self, id_: UUID) -> tuple[Any, ...]:
        """The columns to keep."""
        return (
            id_,
            self.person_id,
            self.origin,
            self.created_at,
            self.document["status"] == "active",
            self.rested_at,
            self.failures,
            self.wait,
            stored(self.document),
            self.position,
        )


def project(events: Sequence[Recorded], cursor: Cursor[Any]) -> None:
    """Take a batch of events into the table."""
    heard = living(events, TABLES, cursor)
    known = _known({connection_of(recorded.event) for recorded in heard}, cursor)
    for recorded in heard:
        id_ = connection_of(recorded.event)
        if isinstance(recorded.event, ConnectionOpened):
            known[id_] = _opened(recorded.event, recorded)
        elif connection := known.get(id_):
            _hear(connection, recorded)
    _keep([connection.row(id_) for id_, connection in known.items()], cursor)


def _opened(event: ConnectionOpened, recorded: Recorded) -> Known:
    at = rfc3339(recorded.recorded_at)
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
    return Known(
        person_id=recorded.person_id,
        origin=event.canvas_url,
        created_at=recorded.recorded_at,
        rested_at=recorded.recorded_at,
        failures=0,
        wait=wait_of(event.originator_id, 0),
        document=document,
        position=recorded.position,
    )


def _hear(connection: Known, recorded: Recorded) -> None:
    at, document = rfc3339(recorded.recorded_at), connection.document
    connection.position = recorded.position
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
            _rest(connection, event, recorded.recorded_at)
            if isinstance(event, SyncCompleted):
                document["last_synced_at"] = at
    _advance(document, recorded.event)


def _rest(connection: Known, event: Event, at: datetime) -> None:
    waits_for = 0
    if not isinstance(event, SyncRequested):
        waits_for = connection.failures = failures_after(connection.failures, event)
    connection.rested_at = at
    connection.wait = wait_of(connection_of(event), waits_for)


def _advance(document: dict[str, Any], event: Event) -> None:
    if isinstance(event, ConnectionEvent):
        document["version"] = event.originator_version


def _known(ids: set[UUID], cursor: Cursor[Any]) -> dict[UUID, Known]:
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
    return {id_: Known(orjson.loads(document), *known) for id_, document, *known in cursor}


def _keep(rows: list[tuple[Any, ...]], cursor: Cursor[Any]) -> None:
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
               ) AS heard (
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
        columns(rows),
    )
