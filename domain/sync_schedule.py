"""When a connection is due for a run again: the one place that says so."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from domain.event import Event
from domain.events.sync import SyncFailed

MIN_RETRY_DELAY = timedelta(minutes=5)
"""The wait after one failure that may pass by itself; it doubles with each further one."""
MAX_COUNTED_FAILURES = 12
"""Failures in a row that are told apart: the wait is longer than a week by then."""
JITTER_DIVISOR = 10
"""The longest wait is by this part of it longer than the shortest: a tenth."""
JITTER_STEPS = 32
"""Waits between the shortest and the longest, so that not all connections are due at once."""
FULL_SYNC_INTERVAL = timedelta(hours=24)
"""How old what was read of any course may get."""
QUEUE_ALLOWANCE = timedelta(minutes=30)
"""How long a run may queue before that is late for it."""
TRANSIENT_CODES = frozenset(
    {
        "canvas-unreachable",
        "canvas-timeout",
        "canvas-throttled",
        "interrupted",
        "internal-error",
    }
)
"""Codes of failures that may pass by themselves."""


class DueConnection(NamedTuple):
    """A connection that is due, whose it is, and the Canvas it is at."""

    person_id: UUID
    connection_id: UUID
    origin: str
    due_at: datetime


def failures_after(failures: int, end: Event) -> int:
    """How many runs in a row have failed for a passing reason, once one has ended like this."""
    return failures + 1 if isinstance(end, SyncFailed) and end.code in TRANSIENT_CODES else 0


def delay_index(connection_id: UUID, failures: int) -> int:
    """Which of all waits a connection has after so many failures: its place among them."""
    return min(failures, MAX_COUNTED_FAILURES) * JITTER_STEPS + connection_id.int % JITTER_STEPS


@lru_cache
def delays(interval: timedelta) -> tuple[timedelta, ...]:
    """All waits there are between two runs, where they shall be an interval apart."""
    bases = [min(interval, retry) for retry in _retry_delays()]
    return tuple(
        base + base * step // (JITTER_STEPS * JITTER_DIVISOR)
        for base in (interval, *bases)
        for step in range(JITTER_STEPS)
    )


def next_due_at(idle_since: datetime, index: int, interval: timedelta) -> datetime:
    """When a connection is due that has rested since then."""
    return idle_since + delays(interval)[index]


def needs_full_sync(last_full_sync_at: datetime | None, now: datetime, interval: timedelta) -> bool:
    """Whether a run asked for now reads everything, as the next might come too late for it.

    `last_full_sync_at` is when the last run began that did; None while none has.
    """
    return (
        last_full_sync_at is None
        or now + _max_delay(interval) + QUEUE_ALLOWANCE > last_full_sync_at + FULL_SYNC_INTERVAL
    )


@lru_cache
def _max_delay(interval: timedelta) -> timedelta:
    return max(delays(interval))


def _retry_delays() -> list[timedelta]:
    return [MIN_RETRY_DELAY * (1 << doublings) for doublings in range(MAX_COUNTED_FAILURES)]
