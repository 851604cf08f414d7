"""Reads the next batches while the one before them is being taken in."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from infrastructure.projection_engine.event_source import Batch, Log

AHEAD = 2
"""Batches held in memory beside the one in hand: two keep the thread busy while we write."""


class _Read(NamedTuple):
    """A batch, where it starts, and what for."""

    after: int
    topics: Sequence[str]
    batch: Batch


class ReadAhead:
    """A log for one reader who goes through it from front to back."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._thread = ThreadPoolExecutor(1, "read-ahead")
        self._coming: deque[Future[_Read | None]] = deque()

    def close(self) -> None:
        """Read no more."""
        self._thread.shutdown(cancel_futures=True)

    def safe(self) -> int:
        """The position up to which nothing can appear any more."""
        return self._log.safe()

    def read(self, after: int, upto: int, topics: Sequence[str], limit: int) -> Batch:
        """The batch after a position, and begin with those after that."""
        read = self._ready(after, topics)
        if read is None:
            read = _Read(after, topics, self._log.read(after, upto, topics, limit))
        last: Future[_Read | None] | _Read = self._coming[-1] if self._coming else read
        while len(self._coming) < AHEAD and read.batch.upto < upto:
            last = self._thread.submit(self._go_on, last, upto, limit)
            self._coming.append(last)
        return read.batch

    def _ready(self, after: int, topics: Sequence[str]) -> _Read | None:
        if not self._coming:
            return None
        try:
            read = self._coming.popleft().result()
        except Exception:
            self._forget()
            raise
        if read is None or (read.after, read.topics) != (after, topics):
            self._forget()
            return None
        return read

    def _go_on(self, last: Future[_Read | None] | _Read, upto: int, limit: int) -> _Read | None:
        before = last.result() if isinstance(last, Future) else last
        if before is None or before.batch.upto >= upto:
            return None
        after, topics = before.batch.upto, before.topics
        return _Read(after, topics, self._log.read(after, upto, topics, limit))

    def _forget(self) -> None:
        for read in self._coming:
            read.cancel()
        self._coming.clear()
