"""One batch of events into the tables of those who stand before it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from psycopg import Connection, Cursor

from infrastructure.projection_engine.event_source import Batch, Log
from infrastructure.projection_engine.gc_pause import uncollected
from infrastructure.projection_engine.read_model import heard_by, topics
from infrastructure.projection_engine.versions import Standing, enter


class Fed(NamedTuple):
    """How many read models took a batch in, and where they stand now."""

    models: int
    upto: int


def advance(
    connection: Connection[Any], standings: Sequence[Standing], log: Log, safe: int, limit: int
) -> Fed:
    """Read the next batch once for all who stand at the same position, and feed it to them."""
    models = [standing.model for standing in standings]
    with uncollected():
        batch = log.read(standings[0].position, safe, topics(models), limit)
        return Fed(feed(connection, standings, batch), batch.upto)


def feed(connection: Connection[Any], standings: Sequence[Standing], batch: Batch) -> int:
    """Take a batch and its checkpoints in, in one transaction; returns how many took part.

    Left out is whoever meanwhile moved on, or is being moved by another engine.
    """
    with connection.transaction(), connection.cursor() as cursor:
        claimed = _claim(cursor, standings)
        counts = []
        for standing in claimed:
            events = heard_by(standing.model, batch.events)
            counts.append(len(events))
            if events:
                enter(cursor, standing.schema)
                standing.model.project(events, cursor)
        if claimed:
            _move(cursor, claimed, counts, batch.upto)
    return len(claimed)


def _claim(cursor: Cursor[Any], standings: Sequence[Standing]) -> list[Standing]:
    """Lock the checkpoints, so that nothing is done twice and nobody waits for anybody."""
    cursor.execute(
        """
        SELECT name
          FROM easeboard.projections
         WHERE (name, version, position) IN (
                   SELECT name, version, position
                     FROM unnest(%s::text[], %s::integer[], %s::bigint[])
                          AS standing (name, version, position)
               )
           AND role = 'live'
         ORDER BY name
           FOR UPDATE SKIP LOCKED
        """,
        [
            [standing.model.name for standing in standings],
            [standing.version for standing in standings],
            [standing.position for standing in standings],
        ],
    )
    claimed = {name for (name,) in cursor}
    return [standing for standing in standings if standing.model.name in claimed]


def _move(cursor: Cursor[Any], standings: Sequence[Standing], counts: list[int], upto: int) -> None:
    """Move the checkpoints; `rate` forgets half of what it knew every 3.5 s."""
    cursor.execute(
        """
        UPDATE easeboard.projections AS kept
           SET position = %s,
               moved_at = clock_timestamp(),
               error    = NULL,
               rate     = moved.events / 5.0 + rate * exp(
                   greatest(-250, -abs(extract(epoch FROM clock_timestamp() - moved_at))) / 5
               )
          FROM unnest(%s::text[], %s::integer[], %s::integer[]) AS moved (name, version, events)
         WHERE kept.name = moved.name
           AND kept.version = moved.version
        """,
        [
            upto,
            [standing.model.name for standing in standings],
            [standing.version for standing in standings],
            counts,
        ],
    )
