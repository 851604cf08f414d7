"""Applies one batch of events to the read models that are at the same position."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from psycopg import Connection, Cursor

from domain.log_position import LogPosition
from infrastructure.event_store.log_reader import EventPage
from infrastructure.projection_engine.apply_events import (
    apply_to_version,
    can_be_about_an_event,
)
from infrastructure.projection_engine.dead_letters import load_left_out
from infrastructure.projection_engine.event_source import EventSource
from infrastructure.projection_engine.gc_pause import pause_gc
from infrastructure.projection_engine.read_model import subscribed_topics
from infrastructure.projection_engine.versions import VersionStatus

LOCK_LEASES = """
SELECT name
  FROM easeboard.projection_owners
 WHERE owner = %s
   AND (name, epoch) IN (SELECT * FROM unnest(%s::text[], %s::bigint[]))
   FOR SHARE SKIP LOCKED
"""


class BatchResult(NamedTuple):
    """The number of read models that applied a batch, and the position that the batch ends at.

    The number is 0 if they could not all apply it.
    """

    models: int
    up_to: int


def apply_next_batch(
    connection: Connection[Any],
    statuses: Sequence[VersionStatus],
    source: EventSource,
    place: LogPosition,
    limit: int,
    *,
    owner: str | None = None,
) -> BatchResult:
    """Read the next batch once, and apply it to all these versions, which are at one position.

    The batch has at most `limit` events and does not go past the safe place. Events that a version
    cannot apply become its dead letters. `owner` is the name of this process, for administrators.

    Raises:
        DatabaseFailure: If the database cannot be used; also errors of psycopg.
        TooManyDeadLetters: If the events of too many people cannot be applied.
    """
    models = [status.model for status in statuses]
    with pause_gc():
        batch = source.read(statuses[0].position, place.position, subscribed_topics(models), limit)
        try:
            moved = apply_batch(connection, statuses, batch, place.timeline, owner=owner)
        except Exception as error:
            if not can_be_about_an_event(error):
                raise
            moved = apply_batch(
                connection, statuses, batch, place.timeline, owner=owner, bisect=True
            )
        return BatchResult(moved, batch.up_to)


def apply_batch(
    connection: Connection[Any],
    statuses: Sequence[VersionStatus],
    batch: EventPage,
    timeline: int,
    *,
    owner: str | None = None,
    bisect: bool = False,
) -> int:
    """Apply a batch and move the checkpoints in one transaction; returns how many were moved.

    All versions move or none: a read of several read models needs them at one position. None moves
    if a checkpoint has moved meanwhile, if another process has locked one, if one is paused, if
    another process owns one now, or if the log is on another timeline than the batch. With
    `bisect` the events that a projector fails for are parked.
    """
    with connection.transaction(), connection.cursor() as cursor:
        if not _lock_checkpoints(cursor, statuses, timeline, owner):
            return 0
        versions = {status.model.name: status.version for status in statuses}
        left_out = load_left_out(cursor, versions, batch)
        counts = [
            apply_to_version(
                cursor,
                status.model,
                status.version,
                batch,
                left_out[status.model.name],
                bisect=bisect,
            )
            for status in statuses
        ]
        _move_checkpoints(cursor, statuses, counts, batch.up_to, owner)
    return len(statuses)


def _lock_checkpoints(
    cursor: Cursor[Any], statuses: Sequence[VersionStatus], timeline: int, owner: str | None
) -> bool:
    """Lock the checkpoints, so that no event is applied twice; return whether all were locked.

    SKIP LOCKED, because daemons must not wait for each other. The leases are locked too, so that no
    other process becomes the owner before this transaction ends.
    """
    epochs = {status.model.name: status.epoch for status in statuses if status.epoch}
    if epochs:
        cursor.execute(LOCK_LEASES, [owner, [*epochs], [*epochs.values()]])
        if len(cursor.fetchall()) < len(epochs):
            return False
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
           AND paused_at IS NULL
           AND (SELECT easeboard.current_timeline()) = %s
         ORDER BY name
           FOR UPDATE SKIP LOCKED
        """,
        [
            [status.model.name for status in statuses],
            [status.version for status in statuses],
            [status.position for status in statuses],
            timeline,
        ],
    )
    return len(cursor.fetchall()) == len(statuses)


def _move_checkpoints(
    cursor: Cursor[Any],
    statuses: Sequence[VersionStatus],
    counts: list[int],
    up_to: int,
    owner: str | None,
) -> None:
    """Move the checkpoints; `rate` is a moving average in events per second, half-life 3.5 s."""
    cursor.execute(
        """
        UPDATE easeboard.projections AS checkpoint
           SET position = %s,
               moved_at = clock_timestamp(),
               error    = NULL,
               owner    = %s,
               rate     = moved.events / 5.0 + rate * exp(
                   greatest(-250, -abs(extract(epoch FROM clock_timestamp() - moved_at))) / 5
               )
          FROM unnest(%s::text[], %s::integer[], %s::integer[]) AS moved (name, version, events)
         WHERE checkpoint.name = moved.name
           AND checkpoint.version = moved.version
        """,
        [
            up_to,
            owner,
            [status.model.name for status in statuses],
            [status.version for status in statuses],
            counts,
        ],
    )
