"""Does one long job at a time in a thread of its own, for which no caller waits."""

from collections.abc import Callable, Iterator
from threading import Event, Lock, Thread
from time import monotonic

import structlog

MAX_PAUSE_SECONDS = 1.0

logger = structlog.get_logger()


class BackgroundJob:
    """The job that runs, if there is one; what else is begun meanwhile is not done.

    A job is an iterator: each step of it should take less than about 0.2 s. After a step follows a
    pause of the same length, so that a job takes at most half of a processor.
    """

    def __init__(self) -> None:
        self._is_free = Lock()
        self._is_closed = Event()
        self._thread: Thread | None = None

    def begin(self, name: str, steps: Callable[[], Iterator[None]]) -> bool:
        """Begin a job, unless one runs or this is closed; returns whether it was begun.

        An error ends the job, and is logged with its name.
        """
        if self._is_closed.is_set() or not self._is_free.acquire(blocking=False):
            return False
        self._thread = Thread(target=self._run, args=(name, steps), name=name, daemon=True)
        self._thread.start()
        return True

    def close(self) -> None:
        """End the job after its present step, and wait for that."""
        self._is_closed.set()
        if self._thread:
            self._thread.join()

    def _run(self, name: str, steps: Callable[[], Iterator[None]]) -> None:
        began = monotonic()
        try:
            for _ in steps():
                if self._is_closed.wait(min(monotonic() - began, MAX_PAUSE_SECONDS)):
                    return
                began = monotonic()
        except Exception as error:  # noqa: BLE001  # nobody waits for the job: it only saves time
            logger.warning("background_job.failed", job=name, reason=repr(error))
        finally:
            self._is_free.release()
