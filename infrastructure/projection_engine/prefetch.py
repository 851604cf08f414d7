"""Reads the next batches in a thread while the current one is applied."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from domain.log_position import LogPosition
from infrastructure.event_store.log_reader import EventPage
from infrastructure.event_store.people_slice import PeopleSlice
from infrastructure.projection_engine.event_source import EventSource

MAX_PREFETCHED_BATCHES = 2
"""Batches in memory besides the current one: two keep the thread busy during a write."""


class _PrefetchedBatch(NamedTuple):
    """A batch, the position it begins after, and the timeline and the topics it was read for."""

    timeline: int
    after: int
    topics: Sequence[str]
    batch: EventPage


class Prefetcher:
    """An EventSource for one reader that reads the log in order.

    What was read ahead is discarded when the reader goes elsewhere or the timeline has changed.
    """

    def __init__(self, source: EventSource) -> None:
        self._source = source
        self._thread = ThreadPoolExecutor(1, "prefetch")
        self._pending: deque[Future[_PrefetchedBatch | None]] = deque()

    def close(self) -> None:
        """Stop the thread, and discard the batches that wait."""
        self._thread.shutdown(cancel_futures=True)

    @property
    def timeline(self) -> int:
        """The id of the timeline of the newest safe place that was read; 0 before the first one."""
        return self._source.timeline

    def safe_place(self) -> LogPosition:
        """Return the place at or before which no further event can appear."""
        return self._source.safe_place()

    def of_slice(self, people: PeopleSlice) -> EventSource:
        """Return what reads the events of a slice of people only, without reading ahead."""
        return self._source.of_slice(people)

    def discard(self) -> None:
        """Discard the batches that were read ahead."""
        for future in self._pending:
            future.cancel()
        self._pending.clear()

    def read(self, after: int, up_to: int, topics: Sequence[str], limit: int) -> EventPage:
        """Return the batch after a position, and start to read the ones after it.

        An error while a batch is read ahead is raised when that batch is requested.
        """
        prefetched = self._take_prefetched(after, topics)
        if prefetched is None:
            prefetched = self._read(after, up_to, topics, limit)
        last: Future[_PrefetchedBatch | None] | _PrefetchedBatch = (
            self._pending[-1] if self._pending else prefetched
        )
        while len(self._pending) < MAX_PREFETCHED_BATCHES and prefetched.batch.up_to < up_to:
            last = self._thread.submit(self._read_next, last, up_to, limit)
            self._pending.append(last)
        return prefetched.batch

    def _take_prefetched(self, after: int, topics: Sequence[str]) -> _PrefetchedBatch | None:
        if not self._pending:
            return None
        try:
            prefetched = self._pending.popleft().result()
        except Exception:
            self.discard()
            raise
        expected = self._source.timeline, after, topics
        if prefetched is None or prefetched[:3] != expected:
            self.discard()
            return None
        return prefetched

    def _read_next(
        self, last: Future[_PrefetchedBatch | None] | _PrefetchedBatch, up_to: int, limit: int
    ) -> _PrefetchedBatch | None:
        previous = last.result() if isinstance(last, Future) else last
        if previous is None or previous.batch.up_to >= up_to:
            return None
        return self._read(previous.batch.up_to, up_to, previous.topics, limit)

    def _read(self, after: int, up_to: int, topics: Sequence[str], limit: int) -> _PrefetchedBatch:
        # The timeline is taken first: what is read while it changes then counts as of the old one.
        timeline = self._source.timeline
        return _PrefetchedBatch(
            timeline, after, topics, self._source.read(after, up_to, topics, limit)
        )
