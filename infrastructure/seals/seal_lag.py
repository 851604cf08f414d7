"""How far the seals are behind the log."""

from typing import NamedTuple

from infrastructure.postgres.pools import ReadPool

SELECT_SEAL_LAG = """
SELECT coalesce(sealed.size, 0)::float8,
       greatest(
           0,
           (SELECT coalesce(max(position), 0) FROM easeboard.events)
           - coalesce(sealed.last_position, 0)
       )::float8,
       coalesce(
           (
               SELECT greatest(0, extract(epoch FROM clock_timestamp() - recorded_at))
                 FROM easeboard.events
                WHERE position > coalesce(sealed.last_position, 0)
                ORDER BY position
                LIMIT 1
           ),
           0
       )::float8
  FROM (VALUES (1)) AS one
  LEFT JOIN (
           SELECT size, last_position
             FROM easeboard.seal_checkpoints
            ORDER BY size DESC
            LIMIT 1
       ) AS sealed
    ON TRUE
"""


class SealLag(NamedTuple):
    """The events that are sealed, the positions after them, and the age of the oldest there."""

    size: float
    lag_events: float
    lag_seconds: float


async def read_seal_lag(pool: ReadPool) -> SealLag:
    """Return how far the newest signed checkpoint is behind the log."""
    async with pool.connection() as connection:
        row = await (await connection.execute(SELECT_SEAL_LAG)).fetchone()
    return SealLag(*row) if row else SealLag(0, 0, 0)
