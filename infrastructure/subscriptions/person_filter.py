"""The log as it concerns some people: nobody else's events are fetched, let alone opened."""

from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import structlog

from domain.recorded_event import RecordedEvent
from infrastructure.crypto.master_key import KeyRing
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.errors import EventUnreadable
from infrastructure.event_store.log_reader import EventPage, LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres.execute import Pool, Rows, execute
from infrastructure.postgres.pools import open_write_pool
from infrastructure.projection_engine.failure_policy import describe_error

MAX_SCANNED_EVENTS = 5_000
MAX_DECRYPTED_EVENTS = 64
"""Events looked at, and opened, at once: the largest ones are hundreds of kilobytes."""

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
SELECT stream, version, topic, state, recorded_at, person_id, position
  FROM easeboard.events
 WHERE position = ANY(%s)
 ORDER BY position
"""

SELECT_EVENTS_SINCE_TOPIC = """
SELECT stream, version, topic, state, recorded_at, person_id, position
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
    """A log of these topics on a connection of its own, so that it and commands never wait."""
    with open_write_pool(url, size=1) as pool:
        yield PersonLog(pool, Mapper(PersonKeys(pool, ring)), topics)


class PersonLog:
    """Reads of the log what concerns some people."""

    def __init__(self, pool: Pool, mapper: Mapper, topics: Sequence[str]) -> None:
        self._pool = pool
        self._mapper = mapper
        self._reader = LogReader(pool, mapper)
        self._topics = list(topics)

    def high_water_mark(self) -> int:
        """The position up to which nothing can appear any more."""
        return self._reader.high_water_mark()

    def read(self, after: int, up_to: int, people: Container[UUID]) -> EventPage:
        """The next events about these people with after < position <= up_to.

        Events that cannot be read are left out. The batch says how far it goes. Raises as
        `execute` does.
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
        """The events of a stream from the last one of a topic on, before a version.

        None where there is no such event. Raises as `execute` does.
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
