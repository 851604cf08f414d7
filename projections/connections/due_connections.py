"""Queries of the read model `connections` for the scanner: which connections are due for a run.

The columns `rested_at` and `wait` are `idle_since` and `delay_index` of `Schedule` in
`domain/sync_schedule.py`. All connections with the same delay become due in the order of
`rested_at`. So for each of the few hundred delays, the due connections are one range of an index,
which is read from its oldest end.

A page is first read with few connections of each delay. As long as it has all that were read of a
delay, it could lack some of that one, and more of it are read, but none that the page cannot have.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from domain.sync_schedule import JITTER_STEPS, DueConnection, delays

BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_SHARE, GROWTH = 16, 4
"""First a 16th of the page is read of each delay, then four times as many where that may lack."""

DUE_CONNECTIONS_SQL = """
SELECT due.person_id, due.connection_id, due.origin, due.due_at, delays.wait
  FROM unnest(%(waits)b::integer[], %(delays)b::interval[], %(limits)b::integer[])
       AS delays (wait, delay, most)
 CROSS JOIN LATERAL (
           SELECT person_id, connection_id, origin, rested_at + delay AS due_at
             FROM read.connections
            WHERE active
              AND wait = delays.wait
              AND rested_at <= %(now)b - delay
              AND (rested_at, connection_id) > (%(due_at)b - delay, %(id)b::uuid)
              AND coalesce(origin <> ALL(%(without)b::text[]), TRUE)
            ORDER BY rested_at, connection_id
            LIMIT delays.most
       ) AS due
 ORDER BY due_at, connection_id
 LIMIT %(limit)b
"""
"""After a few executions, PostgreSQL plans it without its parameters.

Then `origin <> ALL (...)` alone would count as a condition that few rows fulfil, and all due
connections would be read and sorted; `coalesce` hides it from the planner.
"""

DUE_AT_HOSTS_SQL = """
SELECT due.person_id, due.connection_id, due.origin, due.due_at, number - 1 AS wait
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
        "now": now,
        # A condition that is always there keeps the range of the index in every plan.
        "due_at": after.due_at if after else BEFORE_ALL,
        "id": after.connection_id if after else UUID(int=0),
        "without": list(without),
        "limit": limit,
    }
    rows = await _merge_delays(delays(interval), parameters, limit, pool)
    return [DueConnection(*row[:4]) for row in rows]


async def _merge_delays(
    delay_of: Sequence[timedelta],
    parameters: dict[str, Any],
    limit: int,
    pool: AsyncConnectionPool,
) -> list[tuple[Any, ...]]:
    """Return the first rows of all delays together, which are in order within each delay."""
    limits = dict.fromkeys(range(len(delay_of)), max(1, limit // FIRST_SHARE))
    page: list[tuple[Any, ...]] = []
    waits = list(limits)
    while waits:
        parameters |= {
            "waits": waits,
            "delays": [delay_of[wait] for wait in waits],
            "limits": [limits[wait] for wait in waits],
        }
        rows = await _fetch_due(DUE_CONNECTIONS_SQL, parameters, pool)
        rows += [row for row in page if row[4] not in waits]
        page = sorted(rows, key=lambda row: (row[3], row[1]))[:limit]
        counts = Counter(row[4] for row in page)
        waits = [wait for wait, count in counts.items() if count == limits[wait] < limit]
        limits |= {wait: min(limit, GROWTH * limits[wait]) for wait in waits}
        if len(page) == limit:
            parameters["now"] = page[-1][3]
    return page


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
    rows = await _fetch_due(DUE_AT_HOSTS_SQL, parameters, pool)
    return [DueConnection(*row[:4]) for row in rows]


async def _fetch_due(
    query: LiteralString, parameters: dict[str, Any], pool: AsyncConnectionPool
) -> list[tuple[Any, ...]]:
    """Return the fields of a DueConnection, and the index of its delay."""
    async with pool.connection() as connection:
        cursor = await connection.execute(query, parameters, binary=True)
        return await cursor.fetchall()
