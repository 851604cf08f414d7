"""The cost of runs, drawn from those measured at the modelled Canvas."""

import math
from random import Random
from typing import NamedTuple

from tests.simulation.assumptions import Assumptions
from tests.simulation.canvas_model import (
    RunSample,
    read_full,
    read_incremental,
    sample_failing_runs,
    sample_runs,
)
from tests.simulation.institutions import HOUR_SECONDS, PEAK_HOUR, HostBehaviour

FAILING_BEHAVIOURS: tuple[HostBehaviour, ...] = ("hangs", "refuses", "rejects")
MAX_CHANGED_COURSES = 4
"""The most changed courses of an incremental run."""


class Cost(NamedTuple):
    """The cost of a run; `seconds` is the time it waits for Canvas."""

    seconds: float
    requests: int
    cpu_seconds: float
    database_seconds: float
    changed_courses: int


class CostSamples:
    """Samples of each kind of run, from which the cost of a run at any hour is drawn."""

    def __init__(self, assumptions: Assumptions, rng: Random) -> None:
        self._assumptions, self._rng = assumptions, rng
        self.min_courses = max(1, assumptions.courses // 2)
        self.max_courses = max(1, assumptions.courses * 3 // 2)
        self.incremental = [
            sample_runs(read_incremental, k, assumptions, rng)
            for k in range(MAX_CHANGED_COURSES + 1)
        ]
        self.full = {
            c: sample_runs(read_full, c, assumptions, rng)
            for c in range(self.min_courses, self.max_courses + 1)
        }
        self._failing = {
            (behaviour, is_degraded): sample_failing_runs(
                behaviour, assumptions, rng, host_degraded=is_degraded
            )
            for behaviour in FAILING_BEHAVIOURS
            for is_degraded in (False, True)
        }

    def daily_cycle(self, now: float) -> float:
        """The daily variation of activity: from -1 at 8 h to 1 at 20 h."""
        hour = now / HOUR_SECONDS - self._assumptions.warm_up + self._assumptions.start_hour
        return math.cos((hour - PEAK_HOUR) / 12 * math.pi)

    def draw_changed_courses(self, cycle: float) -> int:
        """Draw the number of changed courses of an incremental run; mostly 0."""
        share = min(
            0.95, self._assumptions.changed_share * (1 + self._assumptions.evening_activity * cycle)
        )
        count = 0
        while count < MAX_CHANGED_COURSES and self._rng.random() < share:
            count, share = count + 1, 0.25
        return count

    def draw_cost(self, *, is_full: bool, courses: int, now: float) -> Cost:
        """Draw the cost of a run at a host that responds."""
        assumptions, cycle = self._assumptions, self.daily_cycle(now)
        changed = self.draw_changed_courses(cycle)
        samples = self.full[courses] if is_full else self.incremental[changed]
        seconds, requests = self._draw(samples)
        latency_factor = 1 + assumptions.evening_latency * max(0.0, cycle)
        cpu = (
            assumptions.cpu_full * courses / assumptions.courses
            if is_full
            else assumptions.cpu_incremental
        )
        database = assumptions.db_full if is_full else assumptions.db_incremental
        return Cost(
            seconds * latency_factor,
            requests,
            cpu + changed * assumptions.cpu_changed,
            database + changed * assumptions.db_changed,
            changed,
        )

    def draw_failing_cost(self, behaviour: HostBehaviour, *, host_degraded: bool) -> Cost:
        """Draw the cost of a run at a host that does not serve it."""
        seconds, requests = self._draw(self._failing[behaviour, host_degraded])
        return Cost(
            seconds,
            requests,
            self._assumptions.cpu_incremental,
            self._assumptions.db_incremental,
            0,
        )

    def held_back_cost(self) -> Cost:
        """Return the cost of a run that sends no request."""
        assumptions = self._assumptions
        return Cost(0.0, 0, assumptions.cpu_incremental, assumptions.db_incremental, 0)

    def _draw(self, samples: list[RunSample]) -> RunSample:
        return samples[int(self._rng.random() * len(samples))]
