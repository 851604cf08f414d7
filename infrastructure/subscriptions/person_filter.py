"""The log as it concerns some people: nobody else's events are fetched, let alone opened."""

from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import structlog

from domain.recorded_event import Recorded
from infrastructure.crypto.master_key import KeyRing
from infrastructure.crypto.person_keys import PeopleKeys
from infrastructure.event_store.errors import EventUnreadable
from infrastructure.event_store.log_reader import Batch, LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres.execute import Pool, Rows, ask
from infrastructure.postgres.pools import writes
from infrastructure.projection_engine.failure_policy import described

GLANCED = 5_000
OPENED = 64
"""Events looked at, and opened, at once: the largest ones are hundreds of kilobytes."""

GLANCE = """
SELECT position, person_id
  FROM easeboard.events
 WHERE position > %s
   AND position <= %s
   AND topic = ANY(%s)
 ORDER BY position
 LIMIT %s
"""

OPEN = """
SELECT stream, version, topic, state, recorded_at, person_id, position
  FROM easeboard.events
 WHERE position = ANY(%s)
 ORDER BY position
"""

SINCE = """
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
def peoples_log(url: str, ring: KeyRing, topics: Sequence[str]) -> Iterator["PeoplesLog"]:
    """A log of these topics on a connection of its own, so that it and commands never wait."""
    with writes(url, size=1) as pool:
        yield PeoplesLog(pool, Mapper(PeopleKeys(pool, ring)), topics)


class PeoplesLog:
    """Reads of the log what concerns some people."""

    def __init__(self, pool: Pool, mapper: Mapper, topics: Sequence[str]) -> None:
        self._pool = pool
        self._mapper = mapper
        self._reader = LogReader(pool, mapper)
        self._topics = list(topics)

    def safe(self) -> int:
        """The position up to which nothing can appear any more."""
        return self._reader.safe()

    def read(self, after: int, upto: int, people: Container[UUID]) -> Batch:
        """The next events about these people with after < position <= upto; raises as `ask` does.

        Events that cannot be read are left out. The batch says how far it goes.
        """
        seen = ask(self._pool, GLANCE, [after, upto, self._topics, GLANCED])
        theirs = [position for position, person_id in seen if person_id in people]
        if len(seen) == GLANCED:
            upto = seen[-1][0]
        if len(theirs) > OPENED:
            theirs = theirs[:OPENED]
            upto = theirs[-1]
        rows = ask(self._pool, OPEN, [theirs]) if theirs else []
        return Batch(self._opened(rows), upto)

    def since(self, topic: str, stream: UUID, before: int) -> list[Recorded]:
        """The events of a stream from the last one of a topic on, before a version.

        None where there is no such event. Raises as `ask` does.
        """
        asked = [stream, before, stream, before, topic, self._topics]
        return self._opened(ask(self._pool, SINCE, asked))

    def _opened(self, rows: Rows) -> list[Recorded]:
        try:
            return self._mapper.recorded(rows)
        except EventUnreadable:
            return list(self._readable(rows))

    def _readable(self, rows: Rows) -> Iterator[Recorded]:
        for row in rows:
            try:
                yield from self._mapper.recorded([row])
            except EventUnreadable as error:
                logger.warning("live.event_unreadable", error=described(error))
