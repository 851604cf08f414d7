"""Tombstones: closed connections and erased people have no rows, and no event creates new ones.

Every read model has them in its table `gone`, because events can follow the end: a run that was
active when its connection was closed can still record some. Of an erased person only the id is
kept.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor, sql

from domain.event import Event, Redacted
from domain.events import ConnectionClosed, PersonErased
from domain.events.sync import SyncEvent
from domain.recorded_event import RecordedEvent
from projections.support.packed_columns import pack_uuids

CLOSING_EVENTS = (ConnectionClosed, PersonErased)
"""The events that end a connection, or everything of a person; all projectors subscribe to them."""


def connection_id_of(event: Event) -> UUID:
    """Return the id of the connection that an event is about.

    `event` is of the stream of a connection or of its syncs. For a PersonErased, the result is the
    id of its stream, which no connection has.
    """
    return event.connection_id if isinstance(event, SyncEvent) else event.originator_id


def drop_ended(
    events: Sequence[RecordedEvent], tables: Sequence[str], cursor: Cursor[Any]
) -> list[RecordedEvent]:
    """Delete the rows of connections and people that end in a batch; return the other events.

    An end is final, so no other event of an ended connection or person matters, whether it was
    recorded before or after the end. Redacted events are dropped too. `tables` are those of the
    read model without `gone`; each has the columns `person_id` and `connection_id`.
    """
    keyed_events, ids = _by_connection(events)
    ended = _find_ended(ids, cursor)
    closing = [
        recorded for _, recorded in keyed_events if isinstance(recorded.event, CLOSING_EVENTS)
    ]
    if closing:
        ended |= _apply_closing_events(closing, ended, tables, cursor)
    if not ended:
        return [recorded for _, recorded in keyed_events]
    return [
        recorded
        for connection, recorded in keyed_events
        if connection not in ended and recorded.person_id not in ended
    ]


def _apply_closing_events(
    closing: list[RecordedEvent],
    ended_before: set[UUID],
    tables: Sequence[str],
    cursor: Cursor[Any],
) -> set[UUID]:
    erased = {
        recorded.event.person_id for recorded in closing if isinstance(recorded.event, PersonErased)
    }
    closed = {
        recorded.event.originator_id: recorded.person_id
        for recorded in closing
        if isinstance(recorded.event, ConnectionClosed)
        and recorded.person_id not in ended_before | erased
    }
    _write_tombstones(
        erased - ended_before,
        {id_: closed[id_] for id_ in closed.keys() - ended_before},
        tables,
        cursor,
    )
    return erased | closed.keys()


def _by_connection(
    events: Sequence[RecordedEvent],
) -> tuple[list[tuple[UUID, RecordedEvent]], set[UUID]]:
    """Return the events that are not redacted with their connections, and all ids in them."""
    keyed_events: list[tuple[UUID, RecordedEvent]] = []
    ids: set[UUID] = set()
    last: UUID | None = None
    for recorded in events:
        event = recorded.event
        if isinstance(event, Redacted):
            continue
        connection = event.connection_id if isinstance(event, SyncEvent) else event.originator_id
        keyed_events.append((connection, recorded))
        # Events of a run follow each other, and to hash a UUID takes long.
        if connection is not last:
            ids.add(connection)
            ids.add(recorded.person_id)
            last = connection
    return keyed_events, ids


def _find_ended(ids: set[UUID], cursor: Cursor[Any]) -> set[UUID]:
    if not ids:
        return set()
    cursor.execute(
        "SELECT id FROM gone WHERE id = ANY(%b::uuid[]) ORDER BY id",
        [pack_uuids(ids)],
        binary=True,
    )
    return {id_ for (id_,) in cursor}


def _write_tombstones(
    people: set[UUID], connections: dict[UUID, UUID], tables: Sequence[str], cursor: Cursor[Any]
) -> None:
    for table in (*tables, "gone"):
        cursor.execute(
            sql.SQL("DELETE FROM {} WHERE person_id = ANY(%b::uuid[])").format(
                sql.Identifier(table)
            ),
            [list(people)],
        )
    for table in tables:
        cursor.execute(
            sql.SQL(
                "DELETE FROM {} WHERE person_id = ANY(%b::uuid[])"
                " AND connection_id = ANY(%b::uuid[])"
            ).format(sql.Identifier(table)),
            [list(connections.values()), list(connections)],
        )
    cursor.execute(
        "INSERT INTO gone (id, person_id) SELECT id, person_id"
        " FROM unnest(%b::uuid[], %b::uuid[]) AS incoming (id, person_id)",
        [[*people, *connections], [*people, *connections.values()]],
    )
