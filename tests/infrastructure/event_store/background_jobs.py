"""Waits until the job that a store does in the background is done."""

import time

from infrastructure.event_store.background_job import BackgroundJob
from tests.deadlines import scaled


def wait_until_free(job: BackgroundJob) -> None:
    """Wait until another job can begin; blocks this thread."""
    deadline = time.monotonic() + scaled(30)
    while not job._is_free.acquire(timeout=0.05):
        assert time.monotonic() < deadline
    job._is_free.release()
