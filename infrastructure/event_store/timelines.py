"""Checks places that clients send back: whether the log has given them, and still has them."""

from domain.log_position import LogPosition
from infrastructure.postgres.pools import ReadPool

START = LogPosition(0, 0)
"""The place before the first event of a log without a timeline; every log has it."""

SELECT_END_OF_TIMELINE = """
SELECT coalesce(
           (
               SELECT min(later.begins_after)
                 FROM easeboard.timelines AS later
                WHERE later.number > own.number
           ),
           (SELECT coalesce(max(position), 0) FROM easeboard.events)
       )
  FROM easeboard.timelines AS own
 WHERE own.id = %s
"""


class UnknownPlace(ValueError):
    """A place that this log never gave: of another database, or lost in a failover or a restore."""


async def require_known_place(pool: ReadPool, place: LogPosition) -> None:
    """Check that the log has a place; raises UnknownPlace if it does not."""
    if place == START:
        return
    async with pool.connection() as connection:
        cursor = await connection.execute(SELECT_END_OF_TIMELINE, [place.timeline], binary=True)
        row = await cursor.fetchone()
    if row is None or place.position > row[0]:
        raise UnknownPlace("The log has no such place.")
