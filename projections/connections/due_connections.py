"""Which connections are due for a run, those that are due longest first."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, LiteralString

from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from domain.sync_schedule import Due, waits

DUE = """
SELECT found.person_id, found.connection_id, found.origin, found.due_at
  FROM unnest(%(waits)b::interval[]) WITH ORDINALITY AS waits (length, nth)
 CROSS JOIN LATERAL (
           SELECT person_id, connection_id, origin, rested_at + length AS due_at
             FROM read.connections
            WHERE active
              AND wait = nth - 1
              AND rested_at <= %(now)b - length
              AND (
                      %(id)b::uuid IS NULL
                      OR (rested_at, connection_id) > (%(due_at)b - length, %(id)b::uuid)
                  )
              AND origin <> ALL(%(without)b::text[])
            ORDER BY rested_at, connection_id
            LIMIT %(limit)b
       ) AS found
 ORDER BY due_at, connection_id
 LIMIT %(limit)b
"""

DUE_AT_HOSTS = """
SELECT found.person_id, found.connection_id, found.origin, found.due_at
  FROM unnest(%(origins)b::text[]) AS host
 CROSS JOIN unnest(%(waits)b::interval[]) WITH ORDINALITY AS waits (length, nth)
 CROSS JOIN LATERAL (
           SELECT person_id, connection_id, origin, rested_at + length AS due_at
             FROM read.connections
            WHERE active
              AND origin = host
              AND wait = nth - 1
              AND rested_at <= %(now)b - length
            ORDER BY rested_at, connection_id
            LIMIT %(limit)b
       ) AS found
 ORDER BY due_at, connection_id
 LIMIT %(limit)b
"""


async def due_connections(
    now: datetime,
    *,
    interval: timedelta,
    after: Due | None = None,
    without: Collection[str] = (),
    limit: int,
    pool: AsyncConnectionPool,
) -> list[Due]:
    """The connections due after another one, but none at some hosts.

    Each wait is a range of the index, read from its oldest end.
    """
    asked = {
        "waits": list(waits(interval)),
        "now": now,
        "due_at": after.due_at if after else now,
        "id": after.connection_id if after else None,
        "without": list(without),
        "limit": limit,
    }
    return await _found(DUE, asked, pool)


async def due_at_hosts(
    now: datetime,
    origins: Collection[str],
    *,
    interval: timedelta,
    limit: int,
    pool: AsyncConnectionPool,
) -> list[Due]:
    """The connections due at a few hosts: each of their waits is a range of another index."""
    asked = {"waits": list(waits(interval)), "now": now, "origins": list(origins), "limit": limit}
    return await _found(DUE_AT_HOSTS, asked, pool)


async def _found(
    query: LiteralString, asked: dict[str, Any], pool: AsyncConnectionPool
) -> list[Due]:
    async with (
        pool.connection() as connection,
        connection.cursor(row_factory=class_row(Due)) as cursor,
    ):
        await cursor.execute(query, asked, binary=True)
        return await cursor.fetchall()
