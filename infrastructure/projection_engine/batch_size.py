"""How many events to take at once: as many as take a moment, few when they are large."""

import time
from types import TracebackType

FEWEST = 25
MOST = 2_000
MOMENT_SECONDS = 0.25


class Pace:
    """Doubles after a quick batch and shrinks after a slow one, so that memory stays flat."""

    def __init__(self, first: int = 200) -> None:
        self._limit = first
        self._began = 0.0

    def __enter__(self) -> int:
        self._began = time.monotonic()
        return self._limit

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        took = time.monotonic() - self._began
        if error or took > MOMENT_SECONDS:
            shrunk = self._limit // 4 if error or took > 4 * MOMENT_SECONDS else self._limit // 2
            self._limit = max(FEWEST, shrunk)
        elif took < MOMENT_SECONDS / 2:
            self._limit = min(MOST, self._limit * 2)
