"""The schedule of a connection: when its next run is due, and whether that must be a full one.

This is the only definition of *due*. The aggregate and the read models use it.
"""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from domain.event import Event
from domain.events.sync import SyncCancelled, SyncCompleted, SyncFailed, SyncRequested

MIN_RETRY_DELAY = timedelta(minutes=5)
"""The delay after one transient failure; it doubles with each further one in a row."""
MAX_COUNTED_FAILURES = 12
"""Failures in a row that are counted; the delay would be longer than a week by then."""
JITTER_DIVISOR = 10
"""Jitter adds less than 1/JITTER_DIVISOR (10 %) to a delay."""
JITTER_STEPS = 32
"""Number of jitter values, so that not all connections are due at the same time."""
FULL_SYNC_INTERVAL = timedelta(hours=24)
"""The longest time between the starts of two full runs."""
QUEUE_ALLOWANCE = timedelta(minutes=30)
"""How long a run may be queued; `needs_full_sync` plans for it."""
TRANSIENT_CODES = frozenset(
    {
        "canvas-unreachable",
        "canvas-timeout",
        "canvas-throttled",
        "interrupted",
        "internal-error",
    }
)
"""Error codes of runs that may succeed when they are repeated soon."""


class DueConnection(NamedTuple):
    """A connection whose next run is due, with its person and the origin of its Canvas."""

    person_id: UUID
    connection_id: UUID
    origin: str
    due_at: datetime


class Schedule(NamedTuple):
    """What decides when the next run of a connection is due, besides the sync interval.

    The aggregate and both read models with a due time keep exactly these three values.
    """

    idle_since: datetime
    """The end of the last run; the request of an active one; the opening before the first run."""
    failures: int
    """How many runs in a row failed for a transient reason, before an active run."""
    delay_index: int
    """The index in `delays(interval)` of the delay to wait. While a run is active: that without
    failures, so that a run whose end is never recorded blocks the connection no longer than that.
    """

    @classmethod
    def at_opening(cls, connection_id: UUID, opened_at: datetime) -> "Schedule":
        """The schedule of a connection that has had no run."""
        return cls(opened_at, 0, delay_index(connection_id, 0))

    def after(self, event: Event, at: datetime) -> "Schedule":
        """The schedule after an event recorded at `at`; only the request and end of a run count."""
        match event:
            case SyncRequested():
                return Schedule(at, self.failures, delay_index(event.connection_id, 0))
            case SyncCompleted() | SyncFailed() | SyncCancelled():
                failures = failures_after(self.failures, event)
                return Schedule(at, failures, delay_index(event.connection_id, failures))
        return self

    def due_at(self, interval: timedelta) -> datetime:
        """When the next run is due; an open circuit of the Canvas host can postpone it."""
        return next_due_at(self.idle_since, self.delay_index, interval)


def failures_after(failures: int, end: Event) -> int:
    """Return how many runs in a row have failed for a transient reason, after this end of a run."""
    return failures + 1 if isinstance(end, SyncFailed) and end.code in TRANSIENT_CODES else 0


def delay_index(connection_id: UUID, failures: int) -> int:
    """Return the index in `delays` for a connection after this number of failures.

    The jitter follows from the id, so it is the same in every process and after every rebuild.
    """
    return min(failures, MAX_COUNTED_FAILURES) * JITTER_STEPS + connection_id.int % JITTER_STEPS


@lru_cache
def delays(interval: timedelta) -> tuple[timedelta, ...]:
    """Return every delay between two runs for a sync interval.

    The first JITTER_STEPS are those without failures, then follow as many for each number of
    failures.
    """
    bases = [min(interval, retry) for retry in _retry_delays()]
    return tuple(
        base + base * step // (JITTER_STEPS * JITTER_DIVISOR)
        for base in (interval, *bases)
        for step in range(JITTER_STEPS)
    )


def next_due_at(idle_since: datetime, index: int, interval: timedelta) -> datetime:
    """Return when a connection is due that has been idle since then."""
    return idle_since + delays(interval)[index]


def needs_full_sync(last_full_sync_at: datetime | None, now: datetime, interval: timedelta) -> bool:
    """Return whether a run that is requested now must be full.

    It must be full if the run after it could begin later than FULL_SYNC_INTERVAL after
    `last_full_sync_at`, the start of the last full run (None if there was none).
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
