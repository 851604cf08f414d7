"""When a Canvas that does not answer is left alone, and when it is tried again.

A circuit is closed while the host answers. It opens when run after run fails: the clock asks for
no more runs there until the pause is over, and then for one, the probe. What people ask for
always goes through, and tells as much as a probe.
"""

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from domain.sync_run import Run

State = Literal["closed", "open", "half_open"]

SILENCE = frozenset({"canvas-unreachable", "canvas-timeout"})
"""Codes of runs that failed because the host did not answer."""
TRIES = 5
"""Failures in a row that open a circuit."""
FIRST_PAUSE = timedelta(minutes=1)
"""The pause after the first opening; it doubles with each further one."""
LONGEST_PAUSE = timedelta(hours=1)
JITTER = 0.1
"""The part of itself by which a pause may be longer, so that hosts do not come back together."""


class Circuit(NamedTuple):
    """What the last runs at one host tell; `chance` is in [0, 1)."""

    failures: int = 0
    openings: int = 0
    open_until: datetime | None = None
    is_probed: bool = False

    @property
    def is_closed(self) -> bool:
        """Whether the host is asked as ever."""
        return self.open_until is None

    def state(self, now: datetime) -> State:
        """Closed; open; or half open: the pause is over, or a probe is on its way."""
        if self.is_closed:
            return "closed"
        return "half_open" if self.is_probed or self.wants_probe(now) else "open"

    def wants_probe(self, now: datetime) -> bool:
        """Whether the clock may ask for one run now; a probe that is lost is made up for."""
        return self.open_until is not None and self.open_until <= now

    def failed(self, now: datetime, chance: float) -> "Circuit":
        """After another run that failed; runs that began before an opening do not prolong it."""
        failures, openings = self.failures + 1, self.openings + 1
        state = self.state(now)
        if state == "half_open" or (state == "closed" and failures >= TRIES):
            return Circuit(failures, openings, now + pause(openings, chance))
        return self._replace(failures=failures)

    def probed(self, now: datetime, chance: float) -> "Circuit":
        """After a probe was sent: the others wait for what it tells, at most a pause."""
        return self._replace(open_until=now + pause(self.openings, chance), is_probed=True)


CLOSED = Circuit()
"""Every circuit, as soon as the host answers."""


def pause(openings: int, chance: float) -> timedelta:
    """How long the clock leaves a host alone after so many openings in a row."""
    length = min(LONGEST_PAUSE, FIRST_PAUSE * (1 << min(openings - 1, 6)))
    return length * (1 + JITTER * chance)


def answered(run: Run) -> bool | None:
    """Whether the host answered, by the end of a run; None where that does not tell."""
    if run["status"] in {"completed", "partial"}:
        return True
    if run["status"] != "failed" or not run["error"]:
        return None
    code = run["error"]["code"]
    return code not in SILENCE if code.startswith("canvas-") else None


def not_before(due: datetime, open_until: datetime | None) -> datetime:
    """When a connection's next run is, which a circuit may put off."""
    return max(due, open_until) if open_until else due
