"""Projector of `connections`: one row for each open connection, and one for each closed one.

The document comes from the events of the connection. The schedule, with the columns `active`,
`rested_at`, `failures` and `wait`, also needs the request and the end of each run. A closed
connection moves to `closed_connections`, which only auditors read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg import Cursor

from domain.event import Redacted
from domain.events import (
    ConnectionClosed,
    ConnectionOpened,
    ConnectionValidated,
    SyncCompleted,
    SyncRequested,
    TokenRejected,
    TokenRotated,
)
from domain.events.connection import ConnectionEvent
from domain.recorded_event import RecordedEvent
from domain.sync_run import END_EVENTS
from domain.sync_schedule import Schedule
from projections.support.connection_document import ConnectionDocument, build_connection_document
from projections.support.json_documents import encode, format_rfc3339
from projections.support.tombstones import CLOSING_EVENTS, connection_id_of, drop_ended
from projections.support.upsert import Upsert

VERSION = 3
SUBSCRIBES_TO = (
    ConnectionOpened,
    TokenRotated,
    ConnectionValidated,
    TokenRejected,
    SyncRequested,
    *END_EVENTS,
    *CLOSING_EVENTS,
)
TABLES = ("connections", "closed_connections")

CONNECTIONS = Upsert(
    "connections",
    {
        "connection_id": "uuid",
        "person_id": "uuid",
        "origin": "text",
        "created_at": "timestamptz",
        "active": "boolean",
        "rested_at": "timestamptz",
        "failures": "integer",
        "wait": "integer",
        "document": "bytea",
        "opened": "bigint",
        "position": "bigint",
    },
    key="connection_id",
    kept=("origin", "created_at", "opened"),
)
CLOSED_CONNECTIONS = Upsert(
    "closed_connections",
    {
        "connection_id": "uuid",
        "person_id": "uuid",
        "origin": "text",
        "document": "bytea",
        "opened": "bigint",
        "position": "bigint",
    },
    key="connection_id",
    kept=("origin", "opened"),
)


@dataclass(slots=True)
class ConnectionRow:
    """A row of `connections` or, if the connection is closed, of `closed_connections`.

    `rested_at`, `failures` and `wait` are `idle_since`, `failures` and `delay_index` of `schedule`.
    `opened` is the position of the first event, `position` that of the last one that changed the
    row.
    """

    document: ConnectionDocument
    person_id: UUID
    origin: str
    created_at: datetime
    schedule: Schedule
    opened: int
    position: int

    @property
    def is_closed(self) -> bool:
        """Whether the connection is closed."""
        return self.document["status"] == "closed"

    def values(self, id_: UUID) -> tuple[Any, ...]:
        """Return the values in the order of the columns of CONNECTIONS."""
        return (
            id_,
            self.person_id,
            self.origin,
            self.created_at,
            self.document["status"] == "active",
            *self.schedule,
            encode(self.document),
            self.opened,
            self.position,
        )

    def closed_values(self, id_: UUID) -> tuple[Any, ...]:
        """Return the values in the order of the columns of CLOSED_CONNECTIONS."""
        return (
            id_,
            self.person_id,
            self.origin,
            encode(self.document),
            self.opened,
            self.position,
        )


def project(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Apply a batch of events to the tables, which the search path of `cursor` must find."""
    readable = [recorded for recorded in events if not isinstance(recorded.event, Redacted)]
    rows = _load({connection_id_of(recorded.event) for recorded in readable}, cursor)
    for recorded in readable:
        id_ = connection_id_of(recorded.event)
        if isinstance(recorded.event, ConnectionOpened):
            rows[id_] = _new_row(recorded.event, recorded)
        elif row := rows.get(id_):
            _apply(row, recorded)
    remaining = drop_ended(readable, TABLES, cursor)
    open_ids = {connection_id_of(recorded.event) for recorded in remaining} & rows.keys()
    CONNECTIONS.execute([rows[id_].values(id_) for id_ in open_ids], cursor)
    _write_closed({id_: row for id_, row in rows.items() if row.is_closed}, cursor)


def _write_closed(rows: dict[UUID, ConnectionRow], cursor: Cursor[Any]) -> None:
    """Write the rows of closed connections, except those of people who are erased."""
    if rows:
        cursor.execute(
            "SELECT id FROM gone WHERE id = ANY(%b::uuid[]) ORDER BY id",
            [list({row.person_id for row in rows.values()})],
            binary=True,
        )
        erased = {person_id for (person_id,) in cursor}
        CLOSED_CONNECTIONS.execute(
            [row.closed_values(id_) for id_, row in rows.items() if row.person_id not in erased],
            cursor,
        )


def _new_row(event: ConnectionOpened, recorded: RecordedEvent) -> ConnectionRow:
    at = format_rfc3339(recorded.recorded_at)
    return ConnectionRow(
        document=build_connection_document(
            event.originator_id,
            event,
            status="active",
            token_rotated_at=at,
            last_validated_at=at,
            last_synced_at=None,
            created_at=at,
            version=event.originator_version,
        ),
        person_id=recorded.person_id,
        origin=event.canvas_url,
        created_at=recorded.recorded_at,
        schedule=Schedule.at_opening(event.originator_id, recorded.recorded_at),
        opened=recorded.position,
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
        case ConnectionClosed():
            document["status"] = "closed"
        case event:
            row.schedule = row.schedule.after(event, recorded.recorded_at)
            if isinstance(event, SyncCompleted):
                document["last_synced_at"] = at
    if isinstance(recorded.event, ConnectionEvent):
        document["version"] = recorded.event.originator_version


SELECT_ROWS = """
SELECT connection_id, document, person_id, origin, created_at, rested_at, failures, wait, opened,
       position
  FROM connections
 WHERE connection_id = ANY(%(ids)b::uuid[])
 UNION ALL
SELECT connection_id, document, person_id, origin, to_timestamp(0), to_timestamp(0), 0, 0, opened,
       position
  FROM closed_connections
 WHERE connection_id = ANY(%(ids)b::uuid[])
 ORDER BY connection_id
"""
"""A closed connection has no schedule, and nobody lists it by its time."""


def _load(ids: set[UUID], cursor: Cursor[Any]) -> dict[UUID, ConnectionRow]:
    if not ids:
        return {}
    cursor.execute(SELECT_ROWS, {"ids": list(ids)}, binary=True)
    return {
        id_: ConnectionRow(
            orjson.loads(document),
            person_id,
            origin,
            created_at,
            Schedule(*schedule),
            opened,
            position,
        )
        for id_, document, person_id, origin, created_at, *schedule, opened, position in cursor
    }
