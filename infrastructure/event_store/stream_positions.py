"""How far streams had come at a position or a time."""

from datetime import datetime
from typing import Any
from uuid import UUID

from infrastructure.event_store.history import AsyncPool

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
    pool: AsyncPool,
    streams: list[UUID],
    *,
    up_to: int | None = None,
    as_of: datetime | None = None,
) -> dict[UUID, tuple[int, int]]:
    """The version and position of each stream's last event by then; nothing of empty streams."""
    parameters = {"streams": streams, "up_to": up_to, "as_of": as_of}
    return {
        row[0]: (row[1], row[2]) for row in await _fetch_rows(pool, SELECT_POSITIONS, parameters)
    }


async def position_of_version(pool: AsyncPool, stream: UUID, version: int) -> int | None:
    """Where a version of a stream stands in the log."""
    statement = "SELECT position FROM easeboard.events WHERE stream = %(s)s AND version = %(v)s"
    rows = await _fetch_rows(pool, statement, {"s": stream, "v": version})
    return rows[0][0] if rows else None


async def is_connection_stream(pool: AsyncPool, stream: UUID) -> bool:
    """Whether this stream is a connection's, and not one of those beside it."""
    statement = """
    SELECT topic FROM easeboard.events WHERE stream = %(s)s AND version = 1 ORDER BY version
    """
    return await _fetch_rows(pool, statement, {"s": stream}) == [("ConnectionOpened",)]


async def opened_connections(
    pool: AsyncPool, *, after: int, person_id: UUID | None, limit: int
) -> list[tuple[UUID, int]]:
    """Streams of connections in the order they were opened, and the positions of that."""
    parameters = {"after": after, "person": person_id, "limit": limit}
    return [
        (row[0], row[1]) for row in await _fetch_rows(pool, SELECT_OPENED_CONNECTIONS, parameters)
    ]


async def _fetch_rows(
    pool: AsyncPool, statement: Any, parameters: dict[str, Any]
) -> list[tuple[Any, ...]]:
    async with pool.connection() as connection:
        cursor = await connection.execute(statement, parameters, binary=True)
        return await cursor.fetchall()
