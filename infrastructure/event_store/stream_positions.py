"""Finds the versions and positions of streams, also at an earlier position or time."""

from datetime import datetime
from typing import Any
from uuid import UUID

from infrastructure.postgres.pools import ReadPool

SELECT_POSITIONS = """
SELECT stream, max(version), max(position)
  FROM easeboard.events
 WHERE stream = ANY(%(streams)s)
   AND (%(up_to)s::bigint IS NULL OR position <= %(up_to)s)
   AND (%(as_of)s::timestamptz IS NULL OR recorded_at <= %(as_of)s)
 GROUP BY stream
 ORDER BY stream
"""

SELECT_OPENED_CONNECTIONS = """
SELECT stream, position
  FROM easeboard.events
 WHERE topic = 'ConnectionOpened'
   AND position > %(after)s
   AND (%(person)s::uuid IS NULL OR person_id = %(person)s)
 ORDER BY position
 LIMIT %(limit)s
"""


async def positions_at(
    pool: ReadPool,
    streams: list[UUID],
    *,
    up_to: int | None = None,
    as_of: datetime | None = None,
) -> dict[UUID, tuple[int, int]]:
    """Return the version and position of each stream's last event, up to a position or time.

    Streams without such an event are absent.
    """
    parameters = {"streams": streams, "up_to": up_to, "as_of": as_of}
    return {
        row[0]: (row[1], row[2]) for row in await _fetch_rows(pool, SELECT_POSITIONS, parameters)
    }


async def position_of_version(pool: ReadPool, stream: UUID, version: int) -> int | None:
    """Return the position of one version of a stream; None if it does not exist."""
    statement = "SELECT position FROM easeboard.events WHERE stream = %(s)s AND version = %(v)s"
    rows = await _fetch_rows(pool, statement, {"s": stream, "v": version})
    return rows[0][0] if rows else None


async def is_connection_stream(pool: ReadPool, stream: UUID) -> bool:
    """Return whether a stream is that of a connection: its first event is ConnectionOpened."""
    statement = """
    SELECT topic FROM easeboard.events WHERE stream = %(s)s AND version = 1 ORDER BY version
    """
    return await _fetch_rows(pool, statement, {"s": stream}) == [("ConnectionOpened",)]


async def opened_connections(
    pool: ReadPool, *, after: int, person_id: UUID | None, limit: int
) -> list[tuple[UUID, int]]:
    """Return the streams of connections and the positions at which they were opened, in order.

    `person_id` None means the connections of all people.
    """
    parameters = {"after": after, "person": person_id, "limit": limit}
    return [
        (row[0], row[1]) for row in await _fetch_rows(pool, SELECT_OPENED_CONNECTIONS, parameters)
    ]


async def _fetch_rows(
    pool: ReadPool, statement: Any, parameters: dict[str, Any]
) -> list[tuple[Any, ...]]:
    async with pool.connection() as connection:
        cursor = await connection.execute(statement, parameters, binary=True)
        return await cursor.fetchall()
