"""Adapts the number of events in a batch: many small events, or few large ones."""

import time
from types import TracebackType

MIN_BATCH_EVENTS = 25
MAX_BATCH_EVENTS = 2_000
TARGET_BATCH_SECONDS = 0.25


class AdaptiveBatchSize:
    """A context manager around one batch, which yields the number of events to read.

    The number doubles after a fast batch and shrinks after a slow or failed one, so that large
    events do not use much memory.
    """

    def __init__(self, initial: int = 200, target_seconds: float = TARGET_BATCH_SECONDS) -> None:
        self._limit = initial
        self._target_seconds = target_seconds
        self._started = 0.0

    def __enter__(self) -> int:
        self._started = time.monotonic()
        return self._limit

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        elapsed = time.monotonic() - self._started
        if error or elapsed > self._target_seconds:
            shrunk = (
                self._limit // 4
                if error or elapsed > 4 * self._target_seconds
                else self._limit // 2
            )
            self._limit = max(MIN_BATCH_EVENTS, shrunk)
        elif elapsed < self._target_seconds / 2:
            self._limit = min(MAX_BATCH_EVENTS, self._limit * 2)
