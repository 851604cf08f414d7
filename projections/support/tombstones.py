"""What has ended for good: closed connections and erased people have no rows and get none.

Every read model keeps them in its table `gone`, so that a straggler recorded after the end
brings nothing back; of an erased person nothing but their own id is kept.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor, sql

from domain.event import Event, Redacted
from domain.events import ConnectionClosed, PersonErased
from domain.events.sync import SyncEvent
from domain.recorded_event import Recorded

ENDS = (ConnectionClosed, PersonErased)
"""What every projector hears."""


def connection_of(event: Event) -> UUID:
    """The connection an event is about."""
    return event.connection_id if isinstance(event, SyncEvent) else event.originator_id


def living(
    events: Sequence[Recorded], tables: Sequence[str], cursor: Cursor[Any]
) -> list[Recorded]:
    """Drop the rows of whatever ends in these events; return the events of what goes on.

    An end is final, so nothing else of what ended matters, neither before nor after.
    """
    heard = [
        (connection_of(recorded.event), recorded)
        for recorded in events
        if not isinstance(recorded.event, Redacted)
    ]
    gone = _gone_before(heard, cursor)
    ends = [recorded for _, recorded in heard if isinstance(recorded.event, ENDS)]
    if ends:
        gone |= _end(ends, gone, tables, cursor)
    if not gone:
        return [recorded for _, recorded in heard]
    return [
        recorded
        for connection, recorded in heard
        if connection not in gone and recorded.person_id not in gone
    ]


def _end(
    ends: list[Recorded], gone: set[UUID], tables: Sequence[str], cursor: Cursor[Any]
) -> set[UUID]:
    erased = {end.event.person_id for end in ends if isinstance(end.event, PersonErased)}
    closed = {
        end.event.originator_id: end.person_id
        for end in ends
        if isinstance(end.event, ConnectionClosed) and end.person_id not in gone | erased
    }
    _bury(erased - gone, {id_: closed[id_] for id_ in closed.keys() - gone}, tables, cursor)
    return erased | closed.keys()


def _gone_before(heard: list[tuple[UUID, Recorded]], cursor: Cursor[Any]) -> set[UUID]:
    ids = {recorded.person_id for _, recorded in heard}
    ids.update(connection for connection, _ in heard)
    if not ids:
        return set()
    cursor.execute(
        "SELECT id FROM gone WHERE id = ANY(%b::uuid[]) ORDER BY id", [list(ids)], binary=True
    )
    return {id_ for (id_,) in cursor}


def _bury(
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
        " FROM unnest(%b::uuid[], %b::uuid[]) AS ended (id, person_id)",
        [[*people, *connections], [*people, *connections.values()]],
    )
