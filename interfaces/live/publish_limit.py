"""Limits how far messages are published, so that clients can read what a message contains.

A message waits until all read models have applied its event. If one stands still, the message
waits no longer than a read with its consistency token would.
"""

from collections import deque

SAMPLES_PER_WAIT = 100
"""How many high-water marks are kept for the time of one wait."""


class PublishLimit:
    """Remembers earlier high-water marks for `max_wait_seconds`."""

    def __init__(self, max_wait_seconds: float) -> None:
        self._max_wait_seconds = max_wait_seconds
        self._marks: deque[tuple[float, int]] = deque()

    def forget(self) -> None:
        """Forget all earlier high-water marks, which may be those of another timeline."""
        self._marks.clear()

    def position(self, mark: int, readable: int | None, now: float) -> int:
        """Return the position up to which messages may be published.

        `mark` is the high-water mark, `readable` the position that all read models have reached
        (None without read models), `now` the monotonic time in seconds.
        """
        self._note(mark, now)
        if readable is None:
            return mark
        return max(min(mark, readable), self._mark_before_wait(now))

    def _note(self, mark: int, now: float) -> None:
        interval = self._max_wait_seconds / SAMPLES_PER_WAIT
        if not self._marks or (self._marks[-1][1] != mark and now - self._marks[-1][0] >= interval):
            self._marks.append((now, mark))

    def _mark_before_wait(self, now: float) -> int:
        noted_until = now - self._max_wait_seconds
        while len(self._marks) > 1 and self._marks[1][0] <= noted_until:
            self._marks.popleft()
        noted_at, mark = self._marks[0]
        return mark if noted_at <= noted_until else 0
