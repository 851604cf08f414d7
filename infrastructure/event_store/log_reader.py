"""Reads the log in the order of positions, and never past the high-water mark.

An append takes its positions before it commits. So an event can appear below a position that is
visible already, and a reader that has passed it would miss it.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from threading import Lock
from time import monotonic, sleep
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from domain.log_position import LogPosition
from domain.recorded_event import RecordedEvent
from infrastructure.event_store.errors import EventUnreadable
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.people_slice import IS_IN_SLICE, PeopleSlice
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool

SELECT_LOG_STATE = """
SELECT clock_timestamp(), timeline, head, head_event, writers,
       (SELECT event_id FROM easeboard.events WHERE position = %s)
  FROM easeboard.log_state()
"""
"""Selects the time, the state of the log, and the event at the position of the remembered one."""

BEGIN_TIMELINE = "SELECT easeboard.begin_timeline(%s, %s)"

SELECT_PAGE: LiteralString = """
SELECT stream, version, topic, state, recorded_at, person_id, position, event_id
  FROM (
           SELECT stream, version, topic, state, recorded_at, person_id, position, event_id,
                  sum(octet_length(state)) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING)
                      - octet_length(state) AS bytes_before
             FROM easeboard.events
            WHERE position > %s
              AND position <= %s
              AND topic = ANY(%s)
              {of_whom}
            ORDER BY position
            LIMIT %s
       ) AS next
 WHERE bytes_before < %s
 ORDER BY position
"""
SELECT_EVENTS = SELECT_PAGE.format(of_whom="")
SELECT_EVENTS_OF_SLICE = SELECT_PAGE.format(of_whom=IS_IN_SLICE)

SELECT_POSITIONS_OF_PEOPLE = """
SELECT position
  FROM easeboard.events
 WHERE position > %s
   AND position <= %s
   AND topic = ANY(%s)
   AND person_id = ANY(%s)
 ORDER BY position
"""

SELECT_EVENTS_AT = """
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

MAX_SCANNED_POSITIONS = 100_000
"""Positions whose person one statement compares; there is no index of people."""

MAX_PAGE_EVENTS = 500
"""Events that are read at once by their positions."""

MAX_PAGE_BYTES = 4 * 1024 * 1024
"""Size of the stored states in one page; limits the memory that a reader needs."""

READ_TIMEOUT_SECONDS = 30.0
"""Seconds for one page; more than for other statements, because a page can be large."""

MAX_PENDING_HEADS = 100
"""Positions stored while an append is open; with more, the mark would move in smaller steps."""


SETTLE_POLL_SECONDS = 0.005


class EventPage(NamedTuple):
    """Events in the order of positions; the page covers all positions up to `up_to`.

    `unreadable` are the errors of the events that cannot be decrypted or decoded, in this order.
    """

    events: list[RecordedEvent]
    up_to: int
    unreadable: Sequence[EventUnreadable] = ()


class LogReader:
    """Reads the log; several threads may share one instance."""

    def __init__(self, pool: WritePool, mapper: Mapper) -> None:
        self._pool = pool
        self._mapper = mapper
        self._timeline = 0
        self._high_water_mark = 0
        self._newest_event: UUID | None = None
        """The id of the newest event that is known; it shows whether the log has lost events."""
        self._complete_at: datetime | None = None
        self._read_at = float("-inf")
        self._pending_heads: deque[tuple[int, frozenset[str]]] = deque()
        self._slice: PeopleSlice | None = None
        self._lock = Lock()

    def of_slice(self, people: PeopleSlice) -> "LogReader":
        """Return a reader whose `read` returns the events of a slice of people only."""
        reader = LogReader(self._pool, self._mapper)
        reader._slice = people
        return reader

    @property
    def timeline(self) -> int:
        """The id of the timeline at the last reading of the high-water mark; 0 before it."""
        return self._timeline

    @property
    def is_settled(self) -> bool:
        """Whether no append was open at the last reading of the high-water mark."""
        return not self._pending_heads

    def high_water_mark(self) -> int:
        """Return the position of `safe_place`; raises what that raises."""
        return self.safe_place().position

    def safe_place(self) -> LogPosition:
        """Return the highest place that is safe to read up to.

        A position is safe if every append has ended that was open at a time when this position was
        the newest one. It is lower than before if the log is on another timeline, or has lost its
        last events.

        Raises: DatabaseBusy or DatabaseUnavailable.
        """
        return self._advance()[0]

    def recent_place(self, max_age_seconds: float) -> LogPosition:
        """Return the safe place as any thread has read it in the last seconds, or read it now.

        Raises: DatabaseBusy or DatabaseUnavailable.
        """
        if monotonic() - self._read_at < max_age_seconds:
            with self._lock:
                return LogPosition(self._timeline, self._high_water_mark)
        return self.safe_place()

    def settled_place(self, timeout_seconds: float) -> LogPosition:
        """Return a safe place at or after the event that is the newest one now; blocks.

        It is before that event if appends that are open now do not end in time.

        Raises: DatabaseBusy or DatabaseUnavailable.
        """
        deadline = monotonic() + timeout_seconds
        place, newest = self._advance()
        timeline = place.timeline
        while place.position < newest and monotonic() < deadline:
            sleep(SETTLE_POLL_SECONDS)
            place, newer = self._advance()
            if place.timeline != timeline:
                # The event that was the newest one may be lost.
                timeline, newest = place.timeline, newer
        return place

    def _advance(self) -> tuple[LogPosition, int]:
        """Read the state of the log; return the safe place, and the position of the newest event.

        Only the lock keeps these together: another thread may find another timeline at any time.
        """
        with self._lock:
            read_at = monotonic()
            state = self._select_state(self._newest_head())
            now, timeline, head, newest, writers, remembered = state
            if timeline == self._timeline and remembered != self._newest_event:
                # The log has lost events, while the server ran.
                known = [timeline, self._complete_at]
                ((timeline,),) = execute(self._pool, BEGIN_TIMELINE, known)
            if timeline != self._timeline:
                self._forget(timeline)
            self._complete_at, active_writers = now, frozenset(writers)
            self._add_pending_head(head, newest, active_writers)
            while self._pending_heads and not self._pending_heads[0][1] & active_writers:
                self._high_water_mark = self._pending_heads.popleft()[0]
            self._read_at = read_at
            return LogPosition(self._timeline, self._high_water_mark), head

    def _select_state(self, newest_head: int) -> tuple[Any, ...]:
        """Return the row of SELECT_LOG_STATE; a subclass may select more with it."""
        (row,) = execute(self._pool, SELECT_LOG_STATE, [newest_head])
        return row

    def _newest_head(self) -> int:
        return self._pending_heads[-1][0] if self._pending_heads else self._high_water_mark

    def _forget(self, timeline: int) -> None:
        """Forget what is remembered of the log on another timeline."""
        self._timeline, self._high_water_mark, self._newest_event = timeline, 0, None
        self._pending_heads.clear()
        self._mapper.forget_keys()

    def _add_pending_head(
        self, head: int, event_id: UUID | None, active_writers: frozenset[str]
    ) -> None:
        if head == self._newest_head():
            return
        if len(self._pending_heads) == MAX_PENDING_HEADS:
            self._pending_heads.pop()
        self._pending_heads.append((head, active_writers))
        self._newest_event = event_id

    def read(self, after: int, up_to: int, topics: Sequence[str], limit: int) -> EventPage:
        """Return events of these topics with after < position <= up_to.

        A page has at most `limit` events, and fewer if their states exceed 4 MiB.

        Raises: DatabaseBusy or DatabaseUnavailable.
        """
        statement, people = SELECT_EVENTS, list[int]()
        if self._slice:
            statement, people = SELECT_EVENTS_OF_SLICE, [self._slice.total, self._slice.number]
        values = [after, up_to, list(topics), *people, limit, MAX_PAGE_BYTES]
        rows = execute(self._pool, statement, values, timeout_seconds=READ_TIMEOUT_SECONDS)
        events, unreadable = self._mapper.to_readable_events(rows)
        is_full = len(rows) == limit or sum(len(row[3]) for row in rows) >= MAX_PAGE_BYTES
        return EventPage(events, rows[-1][6] if is_full else up_to, unreadable)

    def positions_of(
        self, people: Collection[UUID], after: int, up_to: int, topics: Sequence[str]
    ) -> list[int]:
        """Return the positions of events of these topics and people, after < position <= up_to.

        This compares every event in between, but reads no state. Raises as `read` does.
        """
        positions: list[int] = []
        for start in range(after, up_to, MAX_SCANNED_POSITIONS):
            end = min(start + MAX_SCANNED_POSITIONS, up_to)
            values = [start, end, list(topics), list(people)]
            positions += [
                position
                for (position,) in execute(
                    self._pool,
                    SELECT_POSITIONS_OF_PEOPLE,
                    values,
                    timeout_seconds=READ_TIMEOUT_SECONDS,
                )
            ]
        return positions

    def pages_at(self, positions: Sequence[int]) -> Iterator[EventPage]:
        """Yield the events at positions, which are in order, in pages; raises as `read` does."""
        while positions:
            values = [list(positions[:MAX_PAGE_EVENTS]), MAX_PAGE_BYTES]
            rows = execute(
                self._pool, SELECT_EVENTS_AT, values, timeout_seconds=READ_TIMEOUT_SECONDS
            )
            if not rows:
                return
            events, unreadable = self._mapper.to_readable_events(rows)
            up_to = rows[-1][6]
            yield EventPage(events, up_to, unreadable)
            positions = positions[bisect_right(positions, up_to) :]
