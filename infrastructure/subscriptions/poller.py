"""A thread that takes turns: when it is woken, when it has rested, and again when it failed."""

import threading
import time
from collections.abc import Callable

import structlog

from infrastructure.projection_engine.failure_policy import Backoff, described

APART_SECONDS = 0.005
"""Least time from one turn to the next, so that many wakings are one."""

logger = structlog.get_logger()


class Turning:
    """Takes turns until stopped.

    `turn` says how many seconds to rest unless woken; None is until woken. What it raises is
    logged, and it is tried again.
    """

    def __init__(self, name: str, turn: Callable[[], float | None]) -> None:
        self._name = name
        self._turn = turn
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
        backoff = Backoff(first=0.1, longest=5)
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                rest = self._turn()
                backoff.forget()
            except Exception as error:  # noqa: BLE001  # supervised: whatever it is, go on later
                rest = backoff.seconds()
                logger.warning("turn.failed", of=self._name, error=described(error), retry_in=rest)
                self._stopping.wait(rest)
            else:
                self._rest(rest, began)

    def _rest(self, seconds: float | None, began: float) -> None:
        if seconds == 0:
            return
        self._woken.wait(seconds)
        if self._woken.is_set():
            self._stopping.wait(max(0.0, began + APART_SECONDS - time.monotonic()))
        self._woken.clear()
