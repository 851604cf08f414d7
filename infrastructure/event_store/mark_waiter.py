"""Reads the high-water mark for queries of the log, and waits until it has reached a position."""

import asyncio
from time import monotonic

from domain.log_position import LogPosition
from infrastructure.event_store.log_reader import LogReader
from infrastructure.postgres.pools import ReadPool

SELECT_CHECKPOINT = """
SELECT least(
           coalesce(max(position), 0),
           (SELECT coalesce(max(position), 0) FROM easeboard.events)
       )
  FROM easeboard.projections
 WHERE role = 'live'
"""
"""What a read model has applied was below the high-water mark of the process that applied it."""

SETTLE_SECONDS = 0.1
"""How long a query lets open appends end; one takes some milliseconds."""
FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS = 0.002, 0.05
"""Between two readings of the mark; each pause is twice as long as the one before."""


class MarkWaiter:
    """Gives queries the place up to which they may read the log; it remembers none.

    A process that has not read the mark for a while learns from the checkpoints of the read models
    what others know, if an append stays open.
    """

    def __init__(self, reader: LogReader, pool: ReadPool) -> None:
        self._reader = reader
        self._pool = pool

    async def settled_place(self) -> LogPosition:
        """Return the high-water mark, which includes all that is visible now.

        It does not if an append that is open now stays open for longer than SETTLE_SECONDS.
        Raises: DatabaseBusy or DatabaseUnavailable.
        """
        place = await asyncio.to_thread(self._reader.settled_place, SETTLE_SECONDS)
        return await self._with_checkpoints(place)

    async def wait_for(self, position: int, seconds: float) -> LogPosition:
        """Return the high-water mark when it has reached a position, or after `seconds`.

        Raises: DatabaseBusy or DatabaseUnavailable.
        """
        deadline, pause = monotonic() + seconds, FIRST_PAUSE_SECONDS
        place = await self._safe_place()
        while place.position < position and (left := deadline - monotonic()) > 0:
            await asyncio.sleep(min(pause, left))
            pause = min(2 * pause, LAST_PAUSE_SECONDS)
            place = await self._safe_place()
        return place

    async def _safe_place(self) -> LogPosition:
        return await self._with_checkpoints(await asyncio.to_thread(self._reader.safe_place))

    async def _with_checkpoints(self, place: LogPosition) -> LogPosition:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(SELECT_CHECKPOINT)
            row = await cursor.fetchone()
        return place._replace(position=max(place.position, row[0] if row else 0))
