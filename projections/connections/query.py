"""Queries of the read model `connections`.

`GET /canvas/connections`, `GET /canvas/connections/{id}` and `GET /canvas/data` use them.
"""

from datetime import timedelta
from uuid import UUID

from psycopg import sql

from projections.support.json_documents import add_members, encode_time_or_null
from projections.support.page import Page, build_page, decode_cursor, parse_time_key, rows_to_fetch
from projections.support.query import Query, Rows
from projections.support.schedule_row import (
    JOIN_OPEN_UNTIL,
    OPEN_CIRCUITS_SQL,
    SCHEDULE_COLUMNS,
    ScheduleRow,
)

CONNECTIONS_SQL = sql.SQL(
    """
    SELECT created_at, connection_id, document, {schedule}, {open_circuits}
      FROM read.connections
      {join_open_until}
     WHERE person_id = %(person)s
       AND (
               %(id)s::uuid IS NULL
               OR (created_at, connection_id) > (%(created_at)s::timestamptz, %(id)s::uuid)
           )
     ORDER BY created_at, connection_id
     LIMIT %(limit)s
    """
).format(
    schedule=SCHEDULE_COLUMNS, open_circuits=OPEN_CIRCUITS_SQL, join_open_until=JOIN_OPEN_UNTIL
)

CONNECTION_SQL = sql.SQL(
    """
    SELECT document, {schedule}
      FROM read.connections
      {join_open_until}
     WHERE person_id = %(person)s
       AND connection_id = %(connection)s
     ORDER BY connection_id
    """
).format(schedule=SCHEDULE_COLUMNS, join_open_until=JOIN_OPEN_UNTIL)


def connections_of(
    person_id: UUID, *, interval: timedelta, cursor: str | None = None, limit: int | None
) -> Query[Page]:
    """Query a page of a person's open connections, oldest first.

    An item is the JSON of a `ConnectionDocument` with the member `next_sync_at`, which depends on
    `interval`, the time between two syncs. A cursor contains creation time and id of a connection.

    Raises: BadCursor if the cursor does not belong to this list.
    """
    created_at, id_ = decode_cursor(cursor, parse_time_key, UUID)

    def build(rows: Rows) -> Page:
        page = build_page(
            rows,
            limit,
            lambda row: _with_next_sync_at(row[2], ScheduleRow(*row[3:-1]), interval),
            lambda row: row[:2],
        )
        return page._replace(open_circuits=rows[0][-1]) if rows else page

    return Query(
        "connections",
        CONNECTIONS_SQL,
        {
            "person": person_id,
            "created_at": created_at,
            "id": id_,
            "limit": rows_to_fetch(limit),
        },
        build,
    )


def connection_of(
    person_id: UUID, connection_id: UUID, *, interval: timedelta
) -> Query[bytes | None]:
    """Query one open connection of a person, as an item of `connections_of`.

    None if the person has no open connection with this id.
    """

    def build(rows: Rows) -> bytes | None:
        return next(
            (_with_next_sync_at(row[0], ScheduleRow(*row[1:]), interval) for row in rows), None
        )

    parameters = {"person": person_id, "connection": connection_id}
    return Query("connections", CONNECTION_SQL, parameters, build)


def _with_next_sync_at(document: bytes, schedule: ScheduleRow, interval: timedelta) -> bytes:
    next_sync_at = schedule.next_sync_at(interval)
    return add_members(document, b'"next_sync_at":%b' % encode_time_or_null(next_sync_at))
