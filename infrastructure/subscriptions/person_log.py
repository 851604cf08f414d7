"""Reads only the events of given people; others are neither fetched nor decrypted."""

from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from uuid import UUID

from domain.log_position import LogPosition
from domain.recorded_event import RecordedEvent
from infrastructure.crypto.master_key import KeyRing
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.log_reader import EventPage
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.timelines import START
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool, open_write_pool
from infrastructure.subscriptions.followed_log import FollowedLog
from infrastructure.subscriptions.log_follower import LogFollower, LogSight
from infrastructure.subscriptions.missed_events import MissedEvents
from infrastructure.subscriptions.readable_events import decode_readable

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

MAX_DECRYPTED_BYTES = 4 * 1024 * 1024
"""Size of the stored states that one read decrypts, unless one event alone is larger."""

SELECT_EVENTS_AT_POSITIONS = """
SELECT stream, version, topic, state, recorded_at, person_id, position, event_id
  FROM (
           SELECT stream, version, topic, state, recorded_at, person_id, position, event_id,
                  sum(octet_length(state)) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING)
                      - octet_length(state) AS bytes_before
             FROM easeboard.events
            WHERE position = ANY(%s)
       ) AS chosen
 WHERE bytes_before < %s
 ORDER BY position
"""

# The clock may have been wrong, so the events that are compared are limited.
SELECT_AGED_POSITION = """
SELECT coalesce(
           max(position) FILTER (
               WHERE recorded_at <= clock_timestamp() - make_interval(secs => %s)
           ),
           min(position) - 1,
           0
       )
  FROM (
           SELECT position, recorded_at
             FROM easeboard.events
            WHERE position <= %s
            ORDER BY position DESC
            LIMIT %s
       ) AS newest
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


@contextmanager
def open_person_log(
    url: str,
    ring: KeyRing,
    topics: Sequence[str],
    followed: FollowedLog | None = None,
    change_topics: Sequence[str] = (),
) -> Iterator["PersonLog"]:
    """Open a log of these topics with database connections of its own.

    It and the commands of this process therefore do not wait for each other. One connection is
    for new events, the other for what clients have missed. `followed` learns who changed by an
    event of `change_topics`.
    """
    with open_write_pool(url, size=2) as pool:
        mapper = Mapper(PersonKeys(pool, ring))
        follower = LogFollower(pool, mapper, followed or FollowedLog(), change_topics)
        try:
            yield PersonLog(pool, mapper, topics, follower)
        finally:
            follower.leave()


class PersonLog:
    """The events of given people in the event log."""

    def __init__(
        self, pool: WritePool, mapper: Mapper, topics: Sequence[str], follower: LogFollower
    ) -> None:
        self._pool = pool
        self._mapper = mapper
        self._follower = follower
        self._sight = LogSight(START, None, None)
        self._topics = list(topics)
        self.missed_events = MissedEvents(pool, partial(decode_readable, mapper), topics)

    def safe_place(self) -> LogPosition:
        """Return the place up to which no further event can appear; raises as `read` does.

        Documents that have changed up to it are dropped when this returns.
        """
        self._sight = self._follower.follow()
        return self._sight.place

    @property
    def is_settled(self) -> bool:
        """Whether another reading finds nothing new unless an event is appended."""
        return self._follower.is_settled and (
            self._follower.is_place_stated or not self.has_other_followers
        )

    @property
    def has_other_followers(self) -> bool:
        """Whether messages of other processes wait until this one knows the log."""
        return self._sight.known_to_others is not None

    def readable_position(self) -> int | None:
        """Return the position up to which a read can show all, at the last `safe_place`.

        All live read models have reached it, except those that fail, and no process has a kept
        document from before it. It is None without read models.
        """
        readable, known = self._sight.readable, self.known_position()
        return readable if readable is None or known is None else min(readable, known)

    def known_position(self) -> int | None:
        """Return the position before which no process has a kept document, as of `safe_place`.

        None if there is no process that can have one.
        """
        return self._follower.known_to_all(self._sight)

    def aged_position(self, up_to: int, seconds: float) -> int:
        """Return the last position up to `up_to` that was appended so many seconds ago.

        With more than MAX_SCANNED_EVENTS in this time it is a later one. Raises the errors of
        `read`.
        """
        values = [seconds, up_to, MAX_SCANNED_EVENTS]
        ((position,),) = execute(self._pool, SELECT_AGED_POSITION, values)
        return int(position)

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
        if not positions:
            return EventPage([], up_to)
        rows = execute(self._pool, SELECT_EVENTS_AT_POSITIONS, [positions, MAX_DECRYPTED_BYTES])
        if rows and len(rows) < len(positions):
            up_to = rows[-1][6]
        return EventPage(decode_readable(self._mapper, rows), up_to)

    def read_since(self, topic: str, stream: UUID, before: int) -> list[RecordedEvent]:
        """Return the events of a stream from the last one of a topic on, before a version.

        Returns an empty list if no earlier event has the topic. Raises the errors of `read`.
        """
        parameters = [stream, before, stream, before, topic, self._topics]
        rows = execute(self._pool, SELECT_EVENTS_SINCE_TOPIC, parameters)
        return decode_readable(self._mapper, rows)
