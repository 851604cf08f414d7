"""A thread that takes turns: when it is woken, when it has rested, and again when it failed."""

import threading
import time
from collections.abc import Callable

import structlog

from infrastructure.projection_engine.failure_policy import Backoff, describe_error

MIN_POLL_INTERVAL_SECONDS = 0.005
"""Least time from one turn to the next, so that many wakings are one."""

logger = structlog.get_logger()


class Poller:
    """Takes turns until stopped.

    `poll` says how many seconds to rest unless woken; None is until woken. What it raises is
    logged, and it is tried again.
    """

    def __init__(self, name: str, poll: Callable[[], float | None]) -> None:
        self._name = name
        self._poll = poll
        self._woken = threading.Event()
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the turn in hand."""
        self._stopping.set()
        self._woken.set()
        self._thread.join()

    def wake(self) -> None:
        """Take a turn now; may be called from any thread, and doesn't block."""
        self._woken.set()

    def _run(self) -> None:
        backoff = Backoff(initial_seconds=0.1, max_seconds=5)
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                pause = self._poll()
                backoff.reset()
            except Exception as error:  # noqa: BLE001  # supervised: whatever it is, go on later
                pause = backoff.next_delay()
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
            self._stopping.wait(max(0.0, started + MIN_POLL_INTERVAL_SECONDS - time.monotonic()))
        self._woken.clear()
