"""A thread that polls after an interval, when it is woken, and again after an error."""

import threading
import time
from collections.abc import Callable

import structlog

from domain.backoff import Backoff
from infrastructure.event_store.errors import describe_error
from infrastructure.postgres.retry import RetryDelays

MIN_POLL_INTERVAL_SECONDS = 0.005
"""Minimum time between the starts of two polls, so that many wake-ups cause one poll.

`poll` may set a longer one in `min_interval_seconds`.
"""

POLL_BACKOFF = Backoff(first_seconds=0.1, max_seconds=5, min_jitter=0.5)

logger = structlog.get_logger()


class Poller:
    """Calls `poll` in a thread until it is stopped.

    `poll` returns the seconds until its next call; None means: not before `wake` is called. An
    error that it raises is logged, and the call is retried with back-off.
    """

    def __init__(self, name: str, poll: Callable[[], float | None]) -> None:
        self.min_interval_seconds = MIN_POLL_INTERVAL_SECONDS
        self._name = name
        self._poll = poll
        self._woken = threading.Event()
        self._stopping = threading.Event()

    def start(self) -> None:
        """Start the thread."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current call of `poll`, and wait for the thread."""
        self._stopping.set()
        self._woken.set()
        self._thread.join()

    def wake(self) -> None:
        """Poll now, not after the interval. Does not block; any thread may call it."""
        self._woken.set()

    def _run(self) -> None:
        delays = RetryDelays(POLL_BACKOFF)
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                pause = self._poll()
                delays.reset()
            except Exception as error:  # noqa: BLE001  # supervised: any error is retried later
                pause = delays.next_delay()
                logger.warning(
                    "poll.failed", poller=self._name, error=describe_error(error), retry_in=pause
                )
                self._stopping.wait(pause)
            else:
                self._idle(pause, started)

    def _idle(self, seconds: float | None, started: float) -> None:
        if seconds == 0:
            return
        self._woken.wait(seconds)
        if self._woken.is_set():
            self._stopping.wait(max(0.0, started + self.min_interval_seconds - time.monotonic()))
        self._woken.clear()
