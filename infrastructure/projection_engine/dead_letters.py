"""The events that versions of read models have set aside, and those that administrators skipped."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from psycopg import Cursor

from domain.recorded_event import RecordedEvent
from infrastructure.event_store.log_reader import EventPage

MAX_PARKED_PEOPLE = 100
"""People with a dead letter in one version. With more, not the events but the program, a key or the
database is at fault; the read model then fails, and tries the same events again."""

SELECT_LEFT_OUT = """
SELECT projection, stream, position
  FROM easeboard.dead_letters
 WHERE (projection, version) IN (
           SELECT * FROM unnest(%(names)s::text[], %(versions)s::integer[])
       )
   AND stream = ANY(%(streams)s::uuid[])
 UNION ALL
SELECT projection, NULL, position
  FROM easeboard.skipped_events AS skipped
 WHERE projection = ANY(%(names)s::text[])
   AND position BETWEEN %(first)s AND %(last)s
   AND EXISTS (
           SELECT
             FROM easeboard.events
            WHERE events.position = skipped.position
              AND events.event_id = skipped.id
       )
 ORDER BY projection, position
"""
"""Selects the dead letters of some streams, and without a stream the events that were skipped."""

logger = structlog.get_logger()


class TooManyDeadLetters(Exception):
    """Events of too many people cannot be applied, so the cause is not in their events."""


class FailedEvent(NamedTuple):
    """The position of an event that cannot be applied, and the error without its data."""

    position: int
    error: str


class LeftOut(NamedTuple):
    """What a version does not apply.

    These are the events of a stream from the position of its dead letter on, and events that were
    skipped, by position.
    """

    parked: Mapping[UUID, int]
    skipped: frozenset[int]

    def includes(self, stream: UUID, position: int) -> bool:
        """Whether the event at this position of the log is left out, if it closes nothing."""
        return position >= self.parked.get(stream, position + 1) or position in self.skipped

    def leaves_out(self, recorded: RecordedEvent) -> bool:
        """Whether an event is left out."""
        parked = self.parked.get(recorded.event.originator_id)
        is_waiting = parked is not None and waits_behind(parked, recorded)
        return is_waiting or recorded.position in self.skipped


def waits_behind(failed: int, recorded: RecordedEvent) -> bool:
    """Whether an event cannot be applied because of one of its stream at the position `failed`.

    The event that closes a stream does not wait: what a person closed must not stay visible.
    """
    is_later = recorded.position > failed
    return recorded.position == failed or (is_later and not recorded.event.CLOSES)


def load_left_out(
    cursor: Cursor[Any], versions: Mapping[str, int], batch: EventPage
) -> dict[str, LeftOut]:
    """Return what each of these versions leaves out of a batch, by the name of the read model."""
    places = [(event.event.originator_id, event.position) for event in batch.events]
    places += [(error.stream, error.position) for error in batch.unreadable]
    parked: dict[str, dict[UUID, int]] = {name: {} for name in versions}
    skipped: dict[str, set[int]] = {name: set() for name in versions}
    if places:
        positions = [position for _, position in places]
        cursor.execute(
            SELECT_LEFT_OUT,
            {
                "names": list(versions),
                "versions": list(versions.values()),
                "streams": list({stream for stream, _ in places}),
                "first": min(positions),
                "last": max(positions),
            },
        )
        for name, stream, position in cursor:
            if stream is None:
                skipped[name].add(position)
            else:
                parked[name][stream] = position
    return {name: LeftOut(parked[name], frozenset(skipped[name])) for name in versions}


def park(cursor: Cursor[Any], name: str, version: int, failed: Iterable[FailedEvent]) -> None:
    """Add dead letters of a version; at most one of a stream may be there.

    Raises:
        TooManyDeadLetters: If events of more than MAX_PARKED_PEOPLE people are parked then.
    """
    letters = list(failed)
    if not letters:
        return
    cursor.execute(
        """
        INSERT INTO easeboard.dead_letters (
            projection, version, id, position, stream, stream_version, topic, person_id, error
        )
        SELECT %s, %s, events.event_id, position, events.stream, events.version, events.topic,
               events.person_id, failed.error
          FROM unnest(%s::bigint[], %s::text[]) AS failed (position, error)
          JOIN easeboard.events USING (position)
        """,
        [name, version, [each.position for each in letters], [each.error for each in letters]],
    )
    cursor.execute(
        "SELECT count(DISTINCT person_id) FROM easeboard.dead_letters"
        " WHERE projection = %s AND version = %s",
        [name, version],
    )
    [(people,)] = cursor.fetchall()
    if people > MAX_PARKED_PEOPLE:
        raise TooManyDeadLetters
    for each in letters:
        logger.error(
            "projection.event_parked", projection=name, position=each.position, error=each.error
        )


def copy_letters(cursor: Cursor[Any], name: str, source: int, target: int) -> None:
    """Copy the dead letters of a version to another, so that both leave out the same events."""
    cursor.execute(
        """
        INSERT INTO easeboard.dead_letters (
            projection, version, id, position, stream, stream_version, topic, person_id, error,
            parked_at
        )
        SELECT projection, %s, id, position, stream, stream_version, topic, person_id, error,
               parked_at
          FROM easeboard.dead_letters
         WHERE projection = %s
           AND version = %s
        """,
        [target, name, source],
    )
