"""Which Canvas accounts somebody is connected to."""

from datetime import timedelta
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from projections.support.json_documents import add_members, encode_time_or_null
from projections.support.page import Page, build_page, decode_cursor, rows_to_fetch, time_key
from projections.support.schedule_row import ScheduleRow


async def connections_of(
    person_id: UUID,
    *,
    interval: timedelta,
    cursor: str | None = None,
    limit: int | None,
    pool: AsyncConnectionPool,
) -> Page:
    """A person's open connections, oldest first; raises BadCursor."""
    created_at, id_ = decode_cursor(cursor, time_key, UUID)
    async with pool.connection() as connection:
        result = await connection.execute(
            """
            SELECT created_at, connection_id, document, active, rested_at, wait, open_until
              FROM read.connections
              LEFT JOIN easeboard.canvas_hosts USING (origin)
             WHERE person_id = %(person)s
               AND (
                       %(id)s::uuid IS NULL
                       OR (created_at, connection_id) > (%(created_at)s::timestamptz, %(id)s::uuid)
                   )
             ORDER BY created_at, connection_id
             LIMIT %(limit)s
            """,
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
    """One open connection of a person."""
    async with pool.connection() as connection:
        result = await connection.execute(
            """
            SELECT document, active, rested_at, wait, open_until
              FROM read.connections
              LEFT JOIN easeboard.canvas_hosts USING (origin)
             WHERE person_id = %s AND connection_id = %s
             ORDER BY connection_id
            """,
            [person_id, connection_id],
            binary=True,
        )
        row = await result.fetchone()
    return None if row is None else _with_next_sync_at(row[0], ScheduleRow(*row[1:]), interval)


def _with_next_sync_at(document: bytes, schedule: ScheduleRow, interval: timedelta) -> bytes:
    next_sync_at = schedule.next_sync_at(interval)
    return add_members(document, b'"next_sync_at":%b' % encode_time_or_null(next_sync_at))
