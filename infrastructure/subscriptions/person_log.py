"""Reads only the events of given people; others are neither fetched nor decrypted."""

from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import structlog

from domain.recorded_event import RecordedEvent
from infrastructure.crypto.master_key import KeyRing
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.errors import EventUnreadable, describe_error
from infrastructure.event_store.log_reader import EventPage, LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres.execute import Rows, execute
from infrastructure.postgres.pools import WritePool, open_write_pool

MAX_SCANNED_EVENTS = 5_000
"""Events whose person one read compares at most."""
MAX_DECRYPTED_EVENTS = 64
"""Events that one read decrypts at most: the largest have hundreds of kilobytes."""

SELECT_PERSON_IDS = """
SELECT position, person_id
  FROM easeboard.events
 WHERE position > %s
   AND position <= %s
   AND topic = ANY(%s)
 ORDER BY position
 LIMIT %s
"""

SELECT_EVENTS_AT_POSITIONS = """
SELECT stream, version, topic, state, recorded_at, person_id, position, event_id
  FROM easeboard.events
 WHERE position = ANY(%s)
 ORDER BY position
"""

SELECT_EVENTS_SINCE_TOPIC = """
SELECT stream, version, topic, state, recorded_at, person_id, position, event_id
  FROM easeboard.events
 WHERE stream = %s
   AND version < %s
   AND version >= (
           SELECT version
             FROM easeboard.events
            WHERE stream = %s
              AND version < %s
              AND topic = %s
            ORDER BY version DESC
            LIMIT 1
       )
   AND topic = ANY(%s)
 ORDER BY version
"""

logger = structlog.get_logger()


@contextmanager
def open_person_log(url: str, ring: KeyRing, topics: Sequence[str]) -> Iterator["PersonLog"]:
    """Open a log of these topics with its own database connection.

    It and the commands of this process therefore do not wait for each other.
    """
    with open_write_pool(url, size=1) as pool:
        yield PersonLog(pool, Mapper(PersonKeys(pool, ring)), topics)


class PersonLog:
    """The events of given people in the event log."""

    def __init__(self, pool: WritePool, mapper: Mapper, topics: Sequence[str]) -> None:
        self._pool = pool
        self._mapper = mapper
        self._reader = LogReader(pool, mapper)
        self._topics = list(topics)

    def high_water_mark(self) -> int:
        """Return the position at or below which no further event can appear."""
        return self._reader.high_water_mark()

    def read(self, after: int, up_to: int, people: Container[UUID]) -> EventPage:
        """Return the next events of these people with after < position <= up_to.

        The `up_to` of the page is lower than requested if there are many events; read on from
        there. Events that cannot be decrypted or decoded are logged and left out.

        Raises:
            DatabaseBusy: If no connection becomes free in time.
            DatabaseUnavailable: If the database cannot be reached or does not respond in time.
        """
        scanned = execute(
            self._pool, SELECT_PERSON_IDS, [after, up_to, self._topics, MAX_SCANNED_EVENTS]
        )
        positions = [position for position, person_id in scanned if person_id in people]
        if len(scanned) == MAX_SCANNED_EVENTS:
            up_to = scanned[-1][0]
        if len(positions) > MAX_DECRYPTED_EVENTS:
            positions = positions[:MAX_DECRYPTED_EVENTS]
            up_to = positions[-1]
        rows = execute(self._pool, SELECT_EVENTS_AT_POSITIONS, [positions]) if positions else []
        return EventPage(self._decode(rows), up_to)

    def read_since(self, topic: str, stream: UUID, before: int) -> list[RecordedEvent]:
        """Return the events of a stream from the last one of a topic on, before a version.

        Returns an empty list if no earlier event has the topic. Raises the errors of `read`.
        """
        parameters = [stream, before, stream, before, topic, self._topics]
        return self._decode(execute(self._pool, SELECT_EVENTS_SINCE_TOPIC, parameters))

    def _decode(self, rows: Rows) -> list[RecordedEvent]:
        try:
            return self._mapper.to_recorded_events(rows)
        except EventUnreadable:
            return list(self._decode_readable(rows))

    def _decode_readable(self, rows: Rows) -> Iterator[RecordedEvent]:
        for row in rows:
            try:
                yield from self._mapper.to_recorded_events([row])
            except EventUnreadable as error:
                logger.warning("live.event_unreadable", error=describe_error(error))
