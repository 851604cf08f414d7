"""What runs in a worker process of a rebuild: it fills one slice of people, or creates indexes."""

import gc
import os
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import count
from multiprocessing.synchronize import Event
from typing import NamedTuple

from infrastructure.event_store.people_slice import PeopleSlice
from infrastructure.projection_engine.event_source import EventSource
from infrastructure.projection_engine.live_lag import LagThrottle
from infrastructure.projection_engine.rebuild_steps import Rebuild
from infrastructure.projection_engine.slice_batches import fill_slice, join_slices
from infrastructure.projection_engine.versions import connect

OpenSource = Callable[[], AbstractContextManager[EventSource]]
"""Opens the log in a worker process; it is pickled."""

MAX_IDLE_SECONDS = 10
"""Seconds after which the locks of a worker that is suspended are released."""

COLLECT_BATCHES = 50
"""Batches between two collections of garbage: one for each batch would take a fifth of the time."""

_stopping: Event
"""Set when the process that started this one stops."""


class FillJob(NamedTuple):
    """One slice of versions that are filled together: `places` are its position and the target."""

    url: str
    open_source: OpenSource
    rebuilds: list[Rebuild]
    people: PeopleSlice
    places: tuple[int, int]


class FillStopped(Exception):
    """Ends a worker because the process that started it stops or has died."""


def prepare_worker(stopping: Event) -> None:
    """Prepare this process: the one that started it decides when it ends, not a Ctrl-C."""
    global _stopping  # noqa: PLW0603  # an event can only be passed when a process starts
    _stopping = stopping
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()


def fill(job: FillJob) -> None:
    """Fill a slice, slowly while live read models lag; raises FillStopped and as `fill_slice`."""
    parent = os.getppid()
    with (
        job.open_source() as source,
        connect(job.url, idle_seconds=MAX_IDLE_SECONDS) as connection,
    ):
        throttle, batches = LagThrottle(connection), count(1)

        def after_batch(_: int) -> None:
            throttle.wait()
            if next(batches) % COLLECT_BATCHES == 0:
                gc.collect()
            if _stopping.is_set() or os.getppid() != parent:
                raise FillStopped

        fill_slice(
            connection, job.rebuilds, job.people, job.places, source, after_batch=after_batch
        )


def join(url: str, rebuild: Rebuild) -> None:
    """Create the indexes of a version that has been filled, and join its slices."""
    with connect(url) as connection:
        join_slices(connection, rebuild)
