"""Queries of the read model `connections` for the scanner: which connections are due for a run.

The columns `rested_at` and `wait` are `idle_since` and `delay_index` of `Schedule` in
`domain/sync_schedule.py`. All connections with the same delay become due in the order of
`rested_at`. So for each of the few hundred delays, the due connections are one range of an index,
which is read from its oldest end.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, LiteralString

from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from domain.sync_schedule import JITTER_STEPS, DueConnection, delays

DUE_CONNECTIONS_SQL = """
SELECT due.person_id, due.connection_id, due.origin, due.due_at
  FROM unnest(%(delays)b::interval[]) WITH ORDINALITY AS delays (delay, number)
 CROSS JOIN LATERAL (
           SELECT person_id, connection_id, origin, rested_at + delay AS due_at
             FROM read.connections
            WHERE active
              AND wait = number - 1
              AND rested_at <= %(now)b - delay
              AND (
                      %(id)b::uuid IS NULL
                      OR (rested_at, connection_id) > (%(due_at)b - delay, %(id)b::uuid)
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
 CROSS JOIN unnest(%(delays)b::interval[]) WITH ORDINALITY AS delays (delay, number)
 CROSS JOIN LATERAL (
           SELECT person_id, connection_id, origin, rested_at + delay AS due_at
             FROM read.connections
            WHERE active
              AND origin = host
              AND wait = number - 1
              AND rested_at <= %(now)b - delay
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
    """Return the connections that are due at `now`, longest due first, at most `limit`.

    `interval` is the time between two syncs. The list continues after the connection `after`, the
    last one of the page before, and leaves out those at the origins `without`. Circuit breakers
    are not considered: the scanner does that.
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
    without_failures: bool = False,
    pool: AsyncConnectionPool,
) -> list[DueConnection]:
    """Return the connections at these origins that are due at `now`, longest due first.

    `interval` is the time between two syncs, `limit` the maximum number of connections in all.
    With `without_failures`, those whose last run failed for a transient reason are left out.
    The statement reads one range of an index for each origin and delay, so origins must be few.
    """
    delays_to_read = delays(interval)[:JITTER_STEPS] if without_failures else delays(interval)
    parameters = {
        "delays": list(delays_to_read),
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
