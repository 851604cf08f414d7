"""Which Canvas accounts somebody is connected to."""

from datetime import timedelta
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from projections.support.json_documents import rfc3339_or_null, spliced
from projections.support.page import Page, keys_of, moment, one_more, page
from projections.support.schedule_row import Rest


async def connections_of(
    person_id: UUID,
    *,
    interval: timedelta,
    cursor: str | None = None,
    limit: int | None,
    pool: AsyncConnectionPool,
) -> Page:
    """A person's open connections, oldest first; raises BadCursor."""
    created_at, id_ = keys_of(cursor, moment, UUID)
    async with pool.connection() as connection:
        found = await connection.execute(
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
                "limit": one_more(limit),
            },
            binary=True,
        )
        rows = await found.fetchall()
    return page(
        rows, limit, lambda row: _as_of_now(row[2], Rest(*row[3:]), interval), lambda row: row[:2]
    )


async def connection_of(
    person_id: UUID, connection_id: UUID, *, interval: timedelta, pool: AsyncConnectionPool
) -> bytes | None:
    """One open connection of a person."""
    async with pool.connection() as connection:
        found = await connection.execute(
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
        row = await found.fetchone()
    return None if row is None else _as_of_now(row[0], Rest(*row[1:]), interval)


def _as_of_now(document: bytes, rest: Rest, interval: timedelta) -> bytes:
    due = rest.next_sync_at(interval)
    return spliced(document, b'"next_sync_at":%b' % rfc3339_or_null(due))
