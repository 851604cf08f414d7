"""Which connections are due for a run, those that are due longest first."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, LiteralString

from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from domain.sync_schedule import DueConnection, delays

DUE_CONNECTIONS_SQL = """
SELECT due.person_id, due.connection_id, due.origin, due.due_at
  FROM unnest(%(delays)b::interval[]) WITH ORDINALITY AS delays (length, nth)
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
       ) AS due
 ORDER BY due_at, connection_id
 LIMIT %(limit)b
"""

DUE_AT_HOSTS_SQL = """
SELECT due.person_id, due.connection_id, due.origin, due.due_at
  FROM unnest(%(origins)b::text[]) AS host
 CROSS JOIN unnest(%(delays)b::interval[]) WITH ORDINALITY AS delays (length, nth)
 CROSS JOIN LATERAL (
           SELECT person_id, connection_id, origin, rested_at + length AS due_at
             FROM read.connections
            WHERE active
              AND origin = host
              AND wait = nth - 1
              AND rested_at <= %(now)b - length
            ORDER BY rested_at, connection_id
            LIMIT %(limit)b
       ) AS due
 ORDER BY due_at, connection_id
 LIMIT %(limit)b
"""


async def due_connections(
    now: datetime,
    *,
    interval: timedelta,
    after: DueConnection | None = None,
    without: Collection[str] = (),
    limit: int,
    pool: AsyncConnectionPool,
) -> list[DueConnection]:
    """The connections due after another one, but none at some hosts.

    Each wait is a range of the index, read from its oldest end.
    """
    parameters = {
        "delays": list(delays(interval)),
        "now": now,
        "due_at": after.due_at if after else now,
        "id": after.connection_id if after else None,
        "without": list(without),
        "limit": limit,
    }
    return await _fetch_due(DUE_CONNECTIONS_SQL, parameters, pool)


async def due_at_hosts(
    now: datetime,
    origins: Collection[str],
    *,
    interval: timedelta,
    limit: int,
    pool: AsyncConnectionPool,
) -> list[DueConnection]:
    """The connections due at a few hosts: each of their waits is a range of another index."""
    parameters = {
        "delays": list(delays(interval)),
        "now": now,
        "origins": list(origins),
        "limit": limit,
    }
    return await _fetch_due(DUE_AT_HOSTS_SQL, parameters, pool)


async def _fetch_due(
    query: LiteralString, parameters: dict[str, Any], pool: AsyncConnectionPool
) -> list[DueConnection]:
    async with (
        pool.connection() as connection,
        connection.cursor(row_factory=class_row(DueConnection)) as cursor,
    ):
        await cursor.execute(query, parameters, binary=True)
        return await cursor.fetchall()
