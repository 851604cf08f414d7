"""The circuit breaker of a Canvas host: it stops scheduled runs at a host that does not respond.

The circuit is closed while the host responds. After FAILURE_THRESHOLD failed runs in a row it
opens: a scheduled run at this host then fails without a request, until the open time is over. The
first scheduled run after that is the probe, and sends a request. A run that a person requests may
send one at any time, if no other run waits for the host; its result counts like that of a probe.
"""

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from domain.backoff import Backoff
from domain.sync_run import SyncRun

CircuitState = Literal["closed", "open", "half_open"]

NO_RESPONSE_CODES = frozenset({"canvas-unreachable", "canvas-timeout"})
"""Error codes of runs that failed because the host did not respond."""
FAILURE_THRESHOLD = 5
"""Failed runs in a row that open the circuit."""
MIN_OPEN_TIME = timedelta(minutes=1)
"""The open time after the first opening; it doubles with each further one."""
MAX_OPEN_TIME = timedelta(minutes=10)
"""The longest open time, without jitter: how long a host that has returned can go unnoticed."""
JITTER_FRACTION = 0.1
"""Jitter adds up to this part of the open time, so that hosts are not probed together."""
OPEN_BACKOFF = Backoff(
    MIN_OPEN_TIME.total_seconds(), MAX_OPEN_TIME.total_seconds(), max_jitter=1 + JITTER_FRACTION
)


class CircuitBreaker(NamedTuple):
    """The state of one host. It is immutable: a method returns the next state."""

    failures: int = 0
    """Failed runs since the host last responded."""
    openings: int = 0
    """How many times the circuit has opened since the host last responded."""
    open_until: datetime | None = None
    """The end of the open time in UTC, or of the wait for a probe; None if closed."""
    is_probed: bool = False
    """Whether a probe was sent whose result is not known."""

    @property
    def is_closed(self) -> bool:
        """Whether scheduled runs at this host send requests as usual."""
        return self.open_until is None

    def state(self, now: datetime) -> CircuitState:
        """Return the state; half open means that the open time is over or a probe was sent."""
        if self.is_closed:
            return "closed"
        return "half_open" if self.is_probed or self.is_probe_due(now) else "open"

    def is_probe_due(self, now: datetime) -> bool:
        """Return whether one run may send requests now; a probe without result is repeated."""
        return self.open_until is not None and self.open_until <= now

    def record_failure(self, now: datetime, random_value: float) -> "CircuitBreaker":
        """Return the state after a failed run; `random_value` in [0, 1) chooses the jitter.

        A run that fails while the circuit is open does not extend the open time: it began before.
        """
        failures, openings = self.failures + 1, self.openings + 1
        state = self.state(now)
        if state == "half_open" or (state == "closed" and failures >= FAILURE_THRESHOLD):
            return CircuitBreaker(failures, openings, now + open_time(openings, random_value))
        return self._replace(failures=failures)

    def record_probe(self, now: datetime, random_value: float) -> "CircuitBreaker":
        """Return the state after a probe was sent; its result is awaited for one open time."""
        return self._replace(
            open_until=now + open_time(self.openings, random_value), is_probed=True
        )


CLOSED = CircuitBreaker()
"""The state of a host that responds."""


def open_time(openings: int, random_value: float) -> timedelta:
    """Return the open time after this number of openings; `random_value` is in [0, 1)."""
    return timedelta(seconds=OPEN_BACKOFF.delay_seconds(openings, random_value))


def host_responded(run: SyncRun) -> bool | None:
    """Return whether the host responded during a run; None if the run does not show it.

    A run in which courses failed shows that the host listed them.
    """
    if run["status"] in {"completed", "partial"} or run["courses"]["failed"]:
        return True
    if run["status"] != "failed" or not run["error"]:
        return None
    code = run["error"]["code"]
    return code not in NO_RESPONSE_CODES if code.startswith("canvas-") else None


def postpone(due_at: datetime, open_until: datetime | None) -> datetime:
    """Return when a due run is requested: not before the open time of the host is over."""
    return max(due_at, open_until) if open_until else due_at
