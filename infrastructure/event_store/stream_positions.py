"""Finds the last events of streams up to a position, a time or a version.

Positions ascend with the versions of a stream. Times do not if the clock was set back, so a time is
compared with each event, and the order is that of the log.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import sql

from infrastructure.postgres.pools import ReadPool

SELECT_ENDS = """
WITH RECURSIVE search (stream, low, high) AS (
    SELECT wanted.stream,
           CASE WHEN newest.position <= %(up_to)s THEN newest.version ELSE 0 END,
           newest.version
      FROM unnest(%(streams)s::uuid[]) AS wanted (stream)
     CROSS JOIN LATERAL (
               SELECT e.version, e.position
                 FROM easeboard.events AS e
                WHERE e.stream = wanted.stream
                ORDER BY e.version DESC
                LIMIT 1
           ) AS newest
     UNION ALL
    SELECT half.stream,
           CASE WHEN probe.position > %(up_to)s THEN half.low ELSE half.middle END,
           CASE WHEN probe.position > %(up_to)s THEN probe.version - 1 ELSE half.high END
      FROM (
               SELECT stream, low, high, (low + high + 1) / 2 AS middle
                 FROM search
                WHERE low < high
           ) AS half
      LEFT JOIN LATERAL (
               SELECT e.version, e.position
                 FROM easeboard.events AS e
                WHERE e.stream = half.stream
                  AND e.version > half.low
                  AND e.version <= half.middle
                ORDER BY e.version DESC
                LIMIT 1
           ) AS probe
        ON TRUE
)
SELECT found.stream,
       last.version, last.position, last.command_id, last.recorded_at,
       next.version, next.position, next.command_id, next.recorded_at
  FROM (
           SELECT stream, max(low) AS version
             FROM search
            GROUP BY stream
       ) AS found
  LEFT JOIN LATERAL (
           SELECT e.version, e.position, e.command_id, e.recorded_at
             FROM easeboard.events AS e
            WHERE e.stream = found.stream
              AND e.version <= found.version
            ORDER BY e.version DESC
            LIMIT 1
       ) AS last
    ON TRUE
  LEFT JOIN LATERAL (
           SELECT e.version, e.position, e.command_id, e.recorded_at
             FROM easeboard.events AS e
            WHERE e.stream = found.stream
              AND e.version > found.version
            ORDER BY e.version
            LIMIT 1
       ) AS next
    ON TRUE
 ORDER BY found.stream
"""
"""A binary search over the versions of each stream, because no index has streams with positions."""

SELECT_NEWEST = """
SELECT max(newest.position)
  FROM unnest(%(streams)s::uuid[]) AS wanted (stream)
 CROSS JOIN LATERAL (
           SELECT e.position
             FROM easeboard.events AS e
            WHERE e.stream = wanted.stream
            ORDER BY e.version DESC
            LIMIT 1
       ) AS newest
"""

PARTS_OF_STREAM = sql.SQL(
    """
    SELECT lag(part.version, 1, 0::bigint) OVER (ORDER BY part.version) AS after_version,
           part.version AS last_version, part.earliest_at, part.latest_at
      FROM (
               SELECT past.version, past.earliest_at, past.latest_at
                 FROM easeboard.past_snapshots AS past
                CROSS JOIN LATERAL (
                          SELECT event_id
                            FROM easeboard.events
                           WHERE stream = past.stream
                             AND version = past.version
                           LIMIT 1
                      ) AS recorded
                WHERE past.stream = wanted.stream
                  AND past.event_id = recorded.event_id
                UNION ALL
               SELECT 9223372036854775807, '-infinity', 'infinity'
           ) AS part
    """
)
"""The parts between the snapshots of the past, with the limits of their times."""

SELECT_NEWEST_AT = sql.SQL(
    """
    SELECT max(newest.position)
      FROM unnest(%(streams)s::uuid[]) AS wanted (stream)
     CROSS JOIN LATERAL (
               SELECT found.position
                 FROM ({parts}) AS part
                CROSS JOIN LATERAL (
                          SELECT e.position
                            FROM easeboard.events AS e
                           WHERE e.stream = wanted.stream
                             AND e.version > part.after_version
                             AND e.version <= part.last_version
                             AND (%(up_to)s::bigint IS NULL OR e.position + 0 <= %(up_to)s)
                             AND (%(at)s::timestamptz IS NULL OR e.recorded_at <= %(at)s)
                             AND (%(before)s::timestamptz IS NULL OR e.recorded_at < %(before)s)
                           ORDER BY e.version DESC
                           LIMIT 1
                      ) AS found
                WHERE part.earliest_at <= coalesce(%(at)s, %(before)s, timestamptz 'infinity')
                ORDER BY part.last_version DESC
                LIMIT 1
           ) AS newest
    """
).format(parts=PARTS_OF_STREAM)
"""`+ 0` keeps the planner from the index of positions, which has the events of all streams."""

SELECT_FIRST_SINCE = sql.SQL(
    """
    SELECT min(first.position)
      FROM unnest(%(streams)s::uuid[]) AS wanted (stream)
     CROSS JOIN LATERAL (
               SELECT found.position
                 FROM ({parts}) AS part
                CROSS JOIN LATERAL (
                          SELECT e.position
                            FROM easeboard.events AS e
                           WHERE e.stream = wanted.stream
                             AND e.version > part.after_version
                             AND e.version <= part.last_version
                             AND e.recorded_at >= %(since)s
                           ORDER BY e.version
                           LIMIT 1
                      ) AS found
                WHERE part.latest_at >= %(since)s
                ORDER BY part.last_version
                LIMIT 1
           ) AS first
    """
).format(parts=PARTS_OF_STREAM)


class EventKey(NamedTuple):
    """Which event of a stream it is, and the command and the time of its append."""

    version: int
    position: int
    command_id: UUID
    recorded_at: datetime


class StreamEnd(NamedTuple):
    """The last event of a stream up to a position, and the next one; None if there is none."""

    last: EventKey | None
    next: EventKey | None

    @property
    def version(self) -> int:
        """The version of the last event; 0 without one."""
        return self.last.version if self.last else 0


async def stream_ends(pool: ReadPool, streams: Sequence[UUID], up_to: int) -> dict[UUID, StreamEnd]:
    """Return where each stream stands at a position, in one round trip."""
    rows = await fetch_rows(pool, SELECT_ENDS, {"streams": list(streams), "up_to": up_to})
    ends = dict.fromkeys(streams, StreamEnd(None, None))
    for stream, *columns in rows:
        last, following = columns[:4], columns[4:]
        ends[stream] = StreamEnd(
            EventKey(*last) if last[0] else None, EventKey(*following) if following[0] else None
        )
    return ends


async def newest_position(
    pool: ReadPool,
    streams: Sequence[UUID],
    *,
    up_to: int | None = None,
    at: datetime | None = None,
    before: datetime | None = None,
) -> int:
    """Return the position of the last event of these streams; 0 if there is none.

    With `at` or `before`, it is the last one whose time is not after `at`, or is before `before`.
    """
    parameters = {"streams": list(streams), "up_to": up_to, "at": at, "before": before}
    is_end = up_to is None and at is None and before is None
    rows = await fetch_rows(pool, SELECT_NEWEST if is_end else SELECT_NEWEST_AT, parameters)
    return rows[0][0] or 0


async def first_position_since(
    pool: ReadPool, streams: Sequence[UUID], since: datetime
) -> int | None:
    """Return the position of the first event of these streams whose time is `since` or later."""
    parameters = {"streams": list(streams), "since": since}
    rows = await fetch_rows(pool, SELECT_FIRST_SINCE, parameters)
    position: int | None = rows[0][0]
    return position


async def is_connection_stream(pool: ReadPool, stream: UUID) -> bool:
    """Return whether a stream is that of a connection: its first event is ConnectionOpened."""
    statement = """
    SELECT topic FROM easeboard.events WHERE stream = %(s)s AND version = 1 ORDER BY version
    """
    return await fetch_rows(pool, statement, {"s": stream}) == [("ConnectionOpened",)]


async def fetch_rows(
    pool: ReadPool, statement: Any, parameters: dict[str, Any]
) -> list[tuple[Any, ...]]:
    """Execute a query and return all its rows."""
    async with pool.connection() as connection:
        cursor = await connection.execute(statement, parameters, binary=True)
        return await cursor.fetchall()
