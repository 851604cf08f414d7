"""Which Canvas accounts somebody is connected to, and which are due for a run."""

from datetime import datetime, timedelta
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from projections.document import rfc3339_or_null, spliced
from projections.page import Page, keys_of, moment, one_more, page


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
            SELECT created_at, connection_id, document,
                   CASE WHEN active THEN rested_at + %(interval)s END
              FROM read.connections
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
                "interval": interval,
                "created_at": created_at,
                "id": id_,
                "limit": one_more(limit),
            },
            binary=True,
        )
        rows = await found.fetchall()
    return page(rows, limit, lambda row: _as_of_now(row[2], row[3]), lambda row: row[:2])


async def connection_of(
    person_id: UUID, connection_id: UUID, *, interval: timedelta, pool: AsyncConnectionPool
) -> bytes | None:
    """One open connection of a person."""
    async with pool.connection() as connection:
        found = await connection.execute(
            """
            SELECT document, CASE WHEN active THEN rested_at + %s END
              FROM read.connections
             WHERE person_id = %s AND connection_id = %s
             ORDER BY connection_id
            """,
            [interval, person_id, connection_id],
            binary=True,
        )
        row = await found.fetchone()
    return None if row is None else _as_of_now(*row)


async def due_connections(
    now: datetime, *, interval: timedelta, limit: int, pool: AsyncConnectionPool
) -> list[tuple[UUID, UUID]]:
    """Whose active connections have rested for an interval, longest first: (person, connection)."""
    async with pool.connection() as connection:
        found = await connection.execute(
            """
            SELECT person_id, connection_id
              FROM read.connections
             WHERE active AND rested_at <= %s
             ORDER BY rested_at, connection_id
             LIMIT %s
            """,
            [now - interval, limit],
            binary=True,
        )
        return await found.fetchall()


def _as_of_now(document: bytes, next_sync_at: datetime | None) -> bytes:
    return spliced(document, b'"next_sync_at":%b' % rfc3339_or_null(next_sync_at))
