"""The log in one order for everybody: never past a position that could still be filled."""

from collections import deque
from collections.abc import Sequence
from threading import Lock
from typing import NamedTuple

from domain.recorded_event import Recorded
from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres.execute import Pool, ask

FENCE = "SELECT head, writers FROM easeboard.fence()"

READ = """
SELECT stream, version, topic, state, recorded_at, person_id, position
  FROM (
           SELECT stream, version, topic, state, recorded_at, person_id, position,
                  sum(octet_length(state)) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING)
                      - octet_length(state) AS before
             FROM easeboard.events
            WHERE position > %s
              AND position <= %s
              AND topic = ANY(%s)
            ORDER BY position
            LIMIT %s
       ) AS next
 WHERE before < %s
 ORDER BY position
"""

MOST_BYTES = 4 * 1024 * 1024
"""Of stored states in one batch: the memory of a reader, however large the events are."""

READ_WITHIN = 30.0
"""Seconds for a batch, however slow the disk is."""

MARKS = 100
"""Positions remembered while a writer is slow; more would only be finer."""


class Batch(NamedTuple):
    """Events in order, and the position up to which there are no others."""

    events: list[Recorded]
    upto: int


class LogReader:
    """Reads the log; one may serve several threads."""

    def __init__(self, pool: Pool, mapper: Mapper) -> None:
        self._pool = pool
        self._mapper = mapper
        self._safe = 0
        self._waiting: deque[tuple[int, frozenset[str]]] = deque()
        self._lock = Lock()

    def safe(self) -> int:
        """The position up to which nothing can appear any more: every writer before it is gone."""
        with self._lock:
            ((head, writers),) = ask(self._pool, FENCE)
            writing = frozenset(writers)
            self._wait_for(head, writing)
            while self._waiting and not self._waiting[0][1] & writing:
                self._safe = self._waiting.popleft()[0]
            return self._safe

    def _wait_for(self, head: int, writing: frozenset[str]) -> None:
        newest = self._waiting[-1][0] if self._waiting else self._safe
        if head == newest:
            return
        if len(self._waiting) == MARKS:
            self._waiting.pop()
        self._waiting.append((head, writing))

    def read(self, after: int, upto: int, topics: Sequence[str], limit: int) -> Batch:
        """Events of these topics with after < position <= upto, at most `limit` or some 4 MiB.

        Raises EventUnreadable, which names the position: read up to it, then after it.
        """
        values = [after, upto, list(topics), limit, MOST_BYTES]
        rows = ask(self._pool, READ, values, seconds=READ_WITHIN)
        events = self._mapper.recorded(rows)
        full = len(rows) == limit or sum(len(row[3]) for row in rows) >= MOST_BYTES
        return Batch(events, events[-1].position if full else upto)
