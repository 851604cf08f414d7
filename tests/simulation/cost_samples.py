"""What runs take: drawn from those tried out at the modelled Canvas."""

import math
from random import Random
from typing import NamedTuple

from tests.simulation.assumptions import Assumptions
from tests.simulation.canvas import (
    RunSample,
    read_full,
    read_incremental,
    sample_hanging_runs,
    sample_runs,
)
from tests.simulation.institutions import HOUR_SECONDS, PEAK_HOUR

MAX_CHANGED_COURSES = 4
"""Courses an incremental run finds changed at most."""


class Cost(NamedTuple):
    """What a run takes: seconds at Canvas, requests, seconds of a worker's core, of PostgreSQL."""

    seconds: float
    requests: int
    cpu_seconds: float
    database_seconds: float
    changed_courses: int


class CostSamples:
    """What each kind of run takes, at any hour."""

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
        self.hanging = [
            sample_hanging_runs(assumptions, rng, host_degraded=is_degraded)
            for is_degraded in (False, True)
        ]

    def daily_cycle(self, now: float) -> float:
        """From -1 in the morning to 1 in the evening."""
        hour = now / HOUR_SECONDS - self._assumptions.warm_up + self._assumptions.begins
        return math.cos((hour - PEAK_HOUR) / 12 * math.pi)

    def draw_changed_courses(self, cycle: float) -> int:
        """In how many courses a run finds something, mostly none."""
        share = min(
            0.95, self._assumptions.changed_share * (1 + self._assumptions.evening_activity * cycle)
        )
        count = 0
        while count < MAX_CHANGED_COURSES and self._rng.random() < share:
            count, share = count + 1, 0.25
        return count

    def draw_cost(self, *, is_full: bool, courses: int, now: float) -> Cost:
        """What a run takes that is answered."""
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

    def draw_hanging_cost(self, *, host_degraded: bool) -> Cost:
        """What a run takes at a host that does not answer."""
        seconds, requests = self._draw(self.hanging[host_degraded])
        return Cost(
            seconds,
            requests,
            self._assumptions.cpu_incremental,
            self._assumptions.db_incremental,
            0,
        )

    def _draw(self, samples: list[RunSample]) -> RunSample:
        return samples[int(self._rng.random() * len(samples))]
