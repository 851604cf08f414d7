"""Reads the log in the order of positions, and never past the high-water mark.

An append takes its positions before it commits. So an event can appear below a position that is
visible already, and a reader that has passed it would miss it.
"""

from collections import deque
from collections.abc import Sequence
from threading import Lock
from typing import NamedTuple

from domain.recorded_event import RecordedEvent
from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool

SELECT_HEAD_AND_WRITERS = "SELECT head, writers FROM easeboard.fence()"

SELECT_EVENTS = """
SELECT stream, version, topic, state, recorded_at, person_id, position, event_id
  FROM (
           SELECT stream, version, topic, state, recorded_at, person_id, position, event_id,
                  sum(octet_length(state)) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING)
                      - octet_length(state) AS bytes_before
             FROM easeboard.events
            WHERE position > %s
              AND position <= %s
              AND topic = ANY(%s)
            ORDER BY position
            LIMIT %s
       ) AS next
 WHERE bytes_before < %s
 ORDER BY position
"""

MAX_PAGE_BYTES = 4 * 1024 * 1024
"""Size of the stored states in one page; limits the memory that a reader needs."""

READ_TIMEOUT_SECONDS = 30.0
"""Seconds for one page; more than for other statements, because a page can be large."""

MAX_PENDING_HEADS = 100
"""Positions stored while an append is open; with more, the mark would move in smaller steps."""


class EventPage(NamedTuple):
    """Events in the order of positions; the page covers all positions up to `up_to`."""

    events: list[RecordedEvent]
    up_to: int


class LogReader:
    """Reads the log; several threads may share one instance."""

    def __init__(self, pool: WritePool, mapper: Mapper) -> None:
        self._pool = pool
        self._mapper = mapper
        self._high_water_mark = 0
        self._pending_heads: deque[tuple[int, frozenset[str]]] = deque()
        self._lock = Lock()

    def high_water_mark(self) -> int:
        """Return the highest position that is safe to read up to.

        A position is safe if every append has ended that was open at a time when this position was
        the newest one.

        Raises: DatabaseBusy or DatabaseUnavailable.
        """
        with self._lock:
            ((head, writers),) = execute(self._pool, SELECT_HEAD_AND_WRITERS)
            active_writers = frozenset(writers)
            self._add_pending_head(head, active_writers)
            while self._pending_heads and not self._pending_heads[0][1] & active_writers:
                self._high_water_mark = self._pending_heads.popleft()[0]
            return self._high_water_mark

    def _add_pending_head(self, head: int, active_writers: frozenset[str]) -> None:
        newest = self._pending_heads[-1][0] if self._pending_heads else self._high_water_mark
        if head == newest:
            return
        if len(self._pending_heads) == MAX_PENDING_HEADS:
            self._pending_heads.pop()
        self._pending_heads.append((head, active_writers))

    def read(self, after: int, up_to: int, topics: Sequence[str], limit: int) -> EventPage:
        """Return events of these topics with after < position <= up_to.

        A page has at most `limit` events, and fewer if their states exceed 4 MiB.

        Raises: EventUnreadable with a position; the events before and after it can be read with
        other bounds. DatabaseBusy or DatabaseUnavailable.
        """
        values = [after, up_to, list(topics), limit, MAX_PAGE_BYTES]
        rows = execute(self._pool, SELECT_EVENTS, values, timeout_seconds=READ_TIMEOUT_SECONDS)
        events = self._mapper.to_recorded_events(rows)
        is_full = len(rows) == limit or sum(len(row[3]) for row in rows) >= MAX_PAGE_BYTES
        return EventPage(events, events[-1].position if is_full else up_to)
