"""What runs take: drawn from those tried out at the modelled Canvas."""

import math
from random import Random
from typing import NamedTuple

from tests.simulation.assumptions import Assumptions
from tests.simulation.canvas import Taken, full, incremental, try_hanging, try_out
from tests.simulation.institutions import EVENING, HOUR

MOST_CHANGED = 4
"""Courses an incremental run finds changed at most."""


class Cost(NamedTuple):
    """What a run takes: seconds at Canvas, requests, seconds of a worker's core, of PostgreSQL."""

    seconds: float
    requests: int
    cpu: float
    database: float
    changed: int


class Costs:
    """What each kind of run takes, at any hour."""

    def __init__(self, world: Assumptions, chance: Random) -> None:
        self._world, self._chance = world, chance
        self.least = max(1, world.courses // 2)
        self.most = max(1, world.courses * 3 // 2)
        self.incremental = [try_out(incremental, k, world, chance) for k in range(MOST_CHANGED + 1)]
        self.full = {c: try_out(full, c, world, chance) for c in range(self.least, self.most + 1)}
        self.hanging = [try_hanging(world, chance, in_doubt=known) for known in (False, True)]

    def tide(self, now: float) -> float:
        """From -1 in the morning to 1 in the evening."""
        hour = now / HOUR - self._world.warm_up + self._world.begins
        return math.cos((hour - EVENING) / 12 * math.pi)

    def changed(self, tide: float) -> int:
        """In how many courses a run finds something, mostly none."""
        share = min(0.95, self._world.changed * (1 + self._world.evening * tide))
        many = 0
        while many < MOST_CHANGED and self._chance.random() < share:
            many, share = many + 1, 0.25
        return many

    def of(self, *, is_full: bool, courses: int, now: float) -> Cost:
        """What a run takes that is answered."""
        world, tide = self._world, self.tide(now)
        changed = self.changed(tide)
        tried = self.full[courses] if is_full else self.incremental[changed]
        seconds, requests = self._one_of(tried)
        slower = 1 + world.evening_latency * max(0.0, tide)
        cpu = world.cpu_full * courses / world.courses if is_full else world.cpu_incremental
        database = world.db_full if is_full else world.db_incremental
        return Cost(
            seconds * slower,
            requests,
            cpu + changed * world.cpu_changed,
            database + changed * world.db_changed,
            changed,
        )

    def hangs(self, *, in_doubt: bool) -> Cost:
        """What a run takes at a host that does not answer."""
        seconds, requests = self._one_of(self.hanging[in_doubt])
        return Cost(seconds, requests, self._world.cpu_incremental, self._world.db_incremental, 0)

    def _one_of(self, tried: list[Taken]) -> Taken:
        return tried[int(self._chance.random() * len(tried))]
