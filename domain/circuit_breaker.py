"""When a Canvas that does not answer is left alone, and when it is tried again.

A circuit is closed while the host answers. It opens when run after run fails: the clock asks for
no more runs there until the pause is over, and then for one, the probe. What people ask for
always goes through, and tells as much as a probe.
"""

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from domain.sync_run import SyncRun

CircuitState = Literal["closed", "open", "half_open"]

NO_RESPONSE_CODES = frozenset({"canvas-unreachable", "canvas-timeout"})
"""Codes of runs that failed because the host did not answer."""
FAILURE_THRESHOLD = 5
"""Failures in a row that open a circuit."""
MIN_OPEN_TIME = timedelta(minutes=1)
"""The pause after the first opening; it doubles with each further one."""
MAX_OPEN_TIME = timedelta(hours=1)
JITTER_FRACTION = 0.1
"""The part of itself by which a pause may be longer, so that hosts do not come back together."""


class CircuitBreaker(NamedTuple):
    """What the last runs at one host tell; `chance` is in [0, 1)."""

    failures: int = 0
    openings: int = 0
    open_until: datetime | None = None
    is_probed: bool = False

    @property
    def is_closed(self) -> bool:
        """Whether the host is asked as ever."""
        return self.open_until is None

    def state(self, now: datetime) -> CircuitState:
        """Closed; open; or half open: the pause is over, or a probe is on its way."""
        if self.is_closed:
            return "closed"
        return "half_open" if self.is_probed or self.is_probe_due(now) else "open"

    def is_probe_due(self, now: datetime) -> bool:
        """Whether the clock may ask for one run now; a probe that is lost is made up for."""
        return self.open_until is not None and self.open_until <= now

    def record_failure(self, now: datetime, random_value: float) -> "CircuitBreaker":
        """After another run that failed; runs that began before an opening do not prolong it."""
        failures, openings = self.failures + 1, self.openings + 1
        state = self.state(now)
        if state == "half_open" or (state == "closed" and failures >= FAILURE_THRESHOLD):
            return CircuitBreaker(failures, openings, now + open_time(openings, random_value))
        return self._replace(failures=failures)

    def record_probe(self, now: datetime, random_value: float) -> "CircuitBreaker":
        """After a probe was sent: the others wait for what it tells, at most a pause."""
        return self._replace(
            open_until=now + open_time(self.openings, random_value), is_probed=True
        )


CLOSED = CircuitBreaker()
"""Every circuit, as soon as the host answers."""


def open_time(openings: int, random_value: float) -> timedelta:
    """How long the clock leaves a host alone after so many openings in a row."""
    duration = min(MAX_OPEN_TIME, MIN_OPEN_TIME * (1 << min(openings - 1, 6)))
    return duration * (1 + JITTER_FRACTION * random_value)


def host_responded(run: SyncRun) -> bool | None:
    """Whether the host answered, by the end of a run; None where that does not tell."""
    if run["status"] in {"completed", "partial"}:
        return True
    if run["status"] != "failed" or not run["error"]:
        return None
    code = run["error"]["code"]
    return code not in NO_RESPONSE_CODES if code.startswith("canvas-") else None


def postpone(due_at: datetime, open_until: datetime | None) -> datetime:
    """When a connection's next run is, which a circuit may put off."""
    return max(due_at, open_until) if open_until else due_at
