"""What a simulated day shows."""

from array import array
from collections import Counter
from dataclasses import dataclass, field

from tests.simulation.assumptions import Assumptions

MINUTE = 60.0
BIN = 10.0
"""Seconds that are told apart where an age is counted."""
WATCHED = 10
"""The largest hosts, which are looked at one by one."""


class Spread:
    """Many lengths of time, told apart by a tenth of a second, or by ten where they are ages."""

    def __init__(self, step: float = 0.1) -> None:
        self.step, self.many, self.most = step, 0, 0.0
        self._counts: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """Count one."""
        self._counts[int(seconds / self.step)] += 1
        self.many += 1
        self.most = max(self.most, seconds)

    def at(self, part: float) -> float:
        """The length that so large a part of them does not pass."""
        left = part * self.many
        for step, many in sorted(self._counts.items()):
            left -= many
            if left <= 0:
                return (step + 1) * self.step
        return 0.0

    def age_at(self, part: float) -> float:
        """The same of the age at any moment, where these are the times from young to replaced."""
        steps = sorted(self._counts.items())
        whole = sum(step * many for step, many in steps)
        below, left, last = 0.0, self.many, 0
        for step, many in steps:
            if below + (step - last) * left > part * whole:
                return (last + (part * whole - below) / left) * self.step
            below += (step - last) * left
            left, last = left - many, step
        return last * self.step


@dataclass
class Found:
    """Sums and lengths, after the warm-up."""

    world: Assumptions
    sizes: list[int]
    scans: int = 0
    scanning: float = 0.0
    runs: int = 0
    full: int = 0
    changed: int = 0
    courses_changed: int = 0
    failed: int = 0
    given_back: int = 0
    refused: int = 0
    by_hand: int = 0
    probes: int = 0
    requests: int = 0
    cpu: float = 0.0
    database: float = 0.0
    held: float = 0.0
    """Seconds that places of workers were taken."""
    early: int = 0
    """Runs that were asked for before they were due."""
    overfull: int = 0
    """Times a host had more runs than lanes."""
    most_waiting: int = 0
    age: Spread = field(default_factory=lambda: Spread(BIN))
    age_where_answered: Spread = field(default_factory=lambda: Spread(BIN))
    late: Spread = field(default_factory=Spread)
    late_where_answered: Spread = field(default_factory=Spread)
    queued: Spread = field(default_factory=Spread)
    took: Spread = field(default_factory=Spread)
    wished: Spread = field(default_factory=Spread)
    full_age: Spread = field(default_factory=lambda: Spread(BIN))
    per_host: "array[int]" = field(init=False)
    asked_in: Counter[int] = field(default_factory=Counter)
    """Runs that were asked for in each minute, the warm-up included."""
    requests_in: Counter[int] = field(default_factory=Counter)
    host_requests_in: list[Counter[int]] = field(init=False)
    host_age: list[Spread] = field(init=False)
    host_held: list[float] = field(init=False)

    def __post_init__(self) -> None:
        watched = min(WATCHED, len(self.sizes))
        self.per_host = array("q", [0]) * len(self.sizes)
        self.host_requests_in = [Counter() for _ in range(watched)]
        self.host_age = [Spread(BIN) for _ in range(watched)]
        self.host_held = [0.0] * watched

    def asks(self, host: int, requests: int, now: float) -> None:
        """A run has sent so many requests to a Canvas."""
        minute = int(now / MINUTE)
        self.requests += requests
        self.requests_in[minute] += requests
        self.per_host[host] += requests
        if host < len(self.host_requests_in):
            self.host_requests_in[host][minute] += requests
