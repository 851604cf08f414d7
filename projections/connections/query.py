"""Queries of the read model `connections`.

`GET /canvas/connections`, `GET /canvas/connections/{id}` and `GET /canvas/data` use them.
"""

from datetime import timedelta
from uuid import UUID

from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from projections.support.json_documents import add_members, encode_time_or_null
from projections.support.page import Page, build_page, decode_cursor, parse_time_key, rows_to_fetch
from projections.support.schedule_row import JOIN_OPEN_UNTIL, SCHEDULE_COLUMNS, ScheduleRow

CONNECTIONS_SQL = sql.SQL(
    """
    SELECT created_at, connection_id, document, {schedule}
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
).format(schedule=SCHEDULE_COLUMNS, join_open_until=JOIN_OPEN_UNTIL)

CONNECTION_SQL = sql.SQL(
    """
    SELECT document, {schedule}
      FROM read.connections
      {join_open_until}
     WHERE person_id = %s
       AND connection_id = %s
     ORDER BY connection_id
    """
).format(schedule=SCHEDULE_COLUMNS, join_open_until=JOIN_OPEN_UNTIL)


async def connections_of(
    person_id: UUID,
    *,
    interval: timedelta,
    cursor: str | None = None,
    limit: int | None,
    pool: AsyncConnectionPool,
) -> Page:
    """Return a page of a person's open connections, oldest first.

    An item is the JSON of a `ConnectionDocument` with the member `next_sync_at`, which depends on
    `interval`, the time between two syncs. A cursor contains creation time and id of a connection.

    Raises: BadCursor if the cursor does not belong to this list.
    """
    created_at, id_ = decode_cursor(cursor, parse_time_key, UUID)
    async with pool.connection() as connection:
        result = await connection.execute(
            CONNECTIONS_SQL,
            {
                "person": person_id,
                "created_at": created_at,
                "id": id_,
                "limit": rows_to_fetch(limit),
            },
            binary=True,
        )
        rows = await result.fetchall()
    return build_page(
        rows,
        limit,
        lambda row: _with_next_sync_at(row[2], ScheduleRow(*row[3:]), interval),
        lambda row: row[:2],
    )


async def connection_of(
    person_id: UUID, connection_id: UUID, *, interval: timedelta, pool: AsyncConnectionPool
) -> bytes | None:
    """Return one open connection of a person, as an item of `connections_of`.

    None if the person has no open connection with this id.
    """
    async with pool.connection() as connection:
        result = await connection.execute(CONNECTION_SQL, [person_id, connection_id], binary=True)
        row = await result.fetchone()
    return None if row is None else _with_next_sync_at(row[0], ScheduleRow(*row[1:]), interval)


def _with_next_sync_at(document: bytes, schedule: ScheduleRow, interval: timedelta) -> bytes:
    next_sync_at = schedule.next_sync_at(interval)
    return add_members(document, b'"next_sync_at":%b' % encode_time_or_null(next_sync_at))
