"""When a connection is due for a run again: the one place that says so."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from domain.event import Event
from domain.events.sync import SyncFailed

FIRST_RETRY = timedelta(minutes=5)
"""The wait after one failure that may pass by itself; it doubles with each further one."""
MOST_FAILURES = 12
"""Failures in a row that are told apart: the wait is longer than a week by then."""
SPREAD = 10
"""The longest wait is by this part of it longer than the shortest: a tenth."""
STEPS = 32
"""Waits between the shortest and the longest, so that not all connections are due at once."""
FULL_EVERY = timedelta(hours=24)
"""How old what was read of any course may get."""
QUEUES_FOR = timedelta(minutes=30)
"""How long a run may queue before that is late for it."""
PASSING = frozenset(
    {
        "canvas-unreachable",
        "canvas-timeout",
        "canvas-throttled",
        "interrupted",
        "internal-error",
    }
)
"""Codes of failures that may pass by themselves."""


class Due(NamedTuple):
    """A connection that is due, whose it is, and the Canvas it is at."""

    person_id: UUID
    connection_id: UUID
    origin: str
    due_at: datetime


def failures_after(failures: int, end: Event) -> int:
    """How many runs in a row have failed for a passing reason, once one has ended like this."""
    return failures + 1 if isinstance(end, SyncFailed) and end.code in PASSING else 0


def wait_of(connection_id: UUID, failures: int) -> int:
    """Which of all waits a connection has after so many failures: its place among them."""
    return min(failures, MOST_FAILURES) * STEPS + connection_id.int % STEPS


@lru_cache
def waits(interval: timedelta) -> tuple[timedelta, ...]:
    """All waits there are between two runs, where they shall be an interval apart."""
    bases = [min(interval, retry) for retry in _retries()]
    return tuple(
        base + base * step // (STEPS * SPREAD)
        for base in (interval, *bases)
        for step in range(STEPS)
    )


def due_at(rested_at: datetime, wait: int, interval: timedelta) -> datetime:
    """When a connection is due that has rested since then."""
    return rested_at + waits(interval)[wait]


def must_be_full(full_at: datetime | None, now: datetime, interval: timedelta) -> bool:
    """Whether a run asked for now reads everything, as the next might come too late for it.

    `full_at` is when the last run began that did; None while none has.
    """
    return full_at is None or now + _longest(interval) + QUEUES_FOR > full_at + FULL_EVERY


@lru_cache
def _longest(interval: timedelta) -> timedelta:
    return max(waits(interval))


def _retries() -> list[timedelta]:
    return [FIRST_RETRY * (1 << nth) for nth in range(MOST_FAILURES)]
