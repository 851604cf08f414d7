"""Applies one batch of events to the read models that are at the same position."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from psycopg import Connection, Cursor

from infrastructure.event_store.log_reader import EventPage
from infrastructure.projection_engine.event_source import EventSource
from infrastructure.projection_engine.gc_pause import pause_gc
from infrastructure.projection_engine.read_model import events_for, subscribed_topics
from infrastructure.projection_engine.versions import VersionStatus, set_search_path


class BatchResult(NamedTuple):
    """The number of read models that applied a batch, and the position that the batch ends at."""

    models: int
    up_to: int


def apply_next_batch(
    connection: Connection[Any],
    statuses: Sequence[VersionStatus],
    source: EventSource,
    high_water_mark: int,
    limit: int,
) -> BatchResult:
    """Read the next batch once, and apply it to all these versions, which are at one position.

    The batch has at most `limit` events and does not go past the high-water mark.

    Raises:
        EventUnreadable: If an event cannot be decrypted or decoded.
        DatabaseFailure: If the database cannot be used; also errors of psycopg and of projectors.
    """
    models = [status.model for status in statuses]
    with pause_gc():
        batch = source.read(statuses[0].position, high_water_mark, subscribed_topics(models), limit)
        return BatchResult(apply_batch(connection, statuses, batch), batch.up_to)


def apply_batch(
    connection: Connection[Any], statuses: Sequence[VersionStatus], batch: EventPage
) -> int:
    """Apply a batch and move the checkpoints in one transaction; returns how many were moved.

    A version is left out if its checkpoint has moved meanwhile, or another daemon has locked it.
    """
    with connection.transaction(), connection.cursor() as cursor:
        claimed = _lock_checkpoints(cursor, statuses)
        counts = []
        for status in claimed:
            events = events_for(status.model, batch.events)
            counts.append(len(events))
            if events:
                set_search_path(cursor, status.schema)
                status.model.project(events, cursor)
        if claimed:
            _move_checkpoints(cursor, claimed, counts, batch.up_to)
    return len(claimed)


def _lock_checkpoints(
    cursor: Cursor[Any], statuses: Sequence[VersionStatus]
) -> list[VersionStatus]:
    """Lock the checkpoints that have not moved, so that no event is applied twice.

    SKIP LOCKED, because daemons must not wait for each other.
    """
    cursor.execute(
        """
        SELECT name
          FROM easeboard.projections
         WHERE (name, version, position) IN (
                   SELECT name, version, position
                     FROM unnest(%s::text[], %s::integer[], %s::bigint[])
                          AS expected (name, version, position)
               )
           AND role = 'live'
         ORDER BY name
           FOR UPDATE SKIP LOCKED
        """,
        [
            [status.model.name for status in statuses],
            [status.version for status in statuses],
            [status.position for status in statuses],
        ],
    )
    claimed = {name for (name,) in cursor}
    return [status for status in statuses if status.model.name in claimed]


def _move_checkpoints(
    cursor: Cursor[Any], statuses: Sequence[VersionStatus], counts: list[int], up_to: int
) -> None:
    """Move the checkpoints; `rate` is a moving average in events per second, half-life 3.5 s."""
    cursor.execute(
        """
        UPDATE easeboard.projections AS checkpoint
           SET position = %s,
               moved_at = clock_timestamp(),
               error    = NULL,
               rate     = moved.events / 5.0 + rate * exp(
                   greatest(-250, -abs(extract(epoch FROM clock_timestamp() - moved_at))) / 5
               )
          FROM unnest(%s::text[], %s::integer[], %s::integer[]) AS moved (name, version, events)
         WHERE checkpoint.name = moved.name
           AND checkpoint.version = moved.version
        """,
        [
            up_to,
            [status.model.name for status in statuses],
            [status.version for status in statuses],
            counts,
        ],
    )
