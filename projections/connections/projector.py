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
    TokenRejected,
    TokenRotated,
)
from domain.events.connection import ConnectionEvent
from domain.recorded import Recorded
from projections.columns import columns
from projections.document import rfc3339, stored
from projections.gone import ENDS, connection_of, living

VERSION = 1
HEARS = (
    ConnectionOpened,
    TokenRotated,
    ConnectionValidated,
    TokenRejected,
    SyncCompleted,
    SyncFailed,
    SyncCancelled,
    *ENDS,
)
TABLES = ("connections",)


@dataclass(slots=True)
class Known:
    """A connection as the table holds it; it has rested since its last run ended."""

    person_id: UUID
    created_at: datetime
    rested_at: datetime
    document: dict[str, Any]
    position: int

    def row(self, id_: UUID) -> tuple[Any, ...]:
        """The columns to keep."""
        return (
            id_,
            self.person_id,
            self.created_at,
            self.document["status"] == "active",
            self.rested_at,
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
        created_at=recorded.recorded_at,
        rested_at=recorded.recorded_at,
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
        case ended:
            connection.rested_at = recorded.recorded_at
            if isinstance(ended, SyncCompleted):
                document["last_synced_at"] = at
    _advance(document, recorded.event)


def _advance(document: dict[str, Any], event: Event) -> None:
    if isinstance(event, ConnectionEvent):
        document["version"] = event.originator_version


def _known(ids: set[UUID], cursor: Cursor[Any]) -> dict[UUID, Known]:
    if not ids:
        return {}
    cursor.execute(
        """
        SELECT connection_id, person_id, created_at, rested_at, document, position
          FROM connections
         WHERE connection_id = ANY(%b::uuid[])
         ORDER BY connection_id
        """,
        [list(ids)],
        binary=True,
    )
    return {
        id_: Known(person_id, created_at, rested_at, orjson.loads(document), position)
        for id_, person_id, created_at, rested_at, document, position in cursor
    }


def _keep(rows: list[tuple[Any, ...]], cursor: Cursor[Any]) -> None:
    if not rows:
        return
    cursor.execute(
        """
        INSERT INTO connections (
            connection_id, person_id, created_at, active, rested_at, document, position
        )
        SELECT connection_id, person_id, created_at, active, rested_at, document, position
          FROM unnest(
                   %b::uuid[], %b::uuid[], %b::timestamptz[], %b::boolean[], %b::timestamptz[],
                   %b::bytea[], %b::bigint[]
               ) AS heard (
                   connection_id, person_id, created_at, active, rested_at, document, position
               )
            ON CONFLICT (connection_id) DO UPDATE
           SET active    = excluded.active,
               rested_at = excluded.rested_at,
               document  = excluded.document,
               position  = excluded.position
        """,
        columns(rows),
    )
