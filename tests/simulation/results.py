"""The measurements of a simulation."""

from array import array
from collections import Counter
from dataclasses import dataclass, field

from tests.simulation.assumptions import Assumptions

MINUTE_SECONDS = 60.0
AGE_BIN_SECONDS = 10.0
"""The resolution of distributions of ages."""
MAX_DETAILED_HOSTS = 10
"""The number of hosts, the largest, that have measurements of their own."""


class Distribution:
    """A histogram of durations with bins of `bin_seconds`."""

    def __init__(self, bin_seconds: float = 0.1) -> None:
        self.bin_seconds, self.count, self.maximum = bin_seconds, 0, 0.0
        self._counts: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """Add one duration."""
        self._counts[int(seconds / self.bin_seconds)] += 1
        self.count += 1
        self.maximum = max(self.maximum, seconds)

    def quantile(self, share: float) -> float:
        """The duration that this share of all does not exceed, rounded up to a bin."""
        remaining = share * self.count
        for step, count in sorted(self._counts.items()):
            remaining -= count
            if remaining <= 0:
                return (step + 1) * self.bin_seconds
        return 0.0

    def age_quantile(self, share: float) -> float:
        """The quantile of the age of the data over time, not over runs.

        Each duration is the age at which data was replaced; until then its age grew from 0.
        """
        steps = sorted(self._counts.items())
        total = sum(step * count for step, count in steps)
        below, remaining, last = 0.0, self.count, 0
        for step, count in steps:
            if below + (step - last) * remaining > share * total:
                return (last + (share * total - below) / remaining) * self.bin_seconds
            below += (step - last) * remaining
            remaining, last = remaining - count, step
        return last * self.bin_seconds


@dataclass
class Results:
    """Sums and distributions, measured after the warm-up; times are in seconds."""

    assumptions: Assumptions
    host_sizes: list[int]
    scans: int = 0
    scan_seconds: float = 0.0
    runs: int = 0
    full_runs: int = 0
    changed_runs: int = 0
    changed_courses: int = 0
    failed_runs: int = 0
    held_back_runs: int = 0
    """Scheduled runs that sent no request, because their host did not respond to others."""
    requeued_runs: int = 0
    refused_requests: int = 0
    manual_runs: int = 0
    requests: int = 0
    cpu_seconds: float = 0.0
    database_seconds: float = 0.0
    slot_seconds: float = 0.0
    """Seconds in which worker slots were in use."""
    early_requests: int = 0
    """Scheduled runs that were requested before they were due, and refused."""
    over_lane_limit: int = 0
    """How often a run started at a host that then had more runs than lanes."""
    max_waiting: int = 0
    age: Distribution = field(default_factory=lambda: Distribution(AGE_BIN_SECONDS))
    age_at_healthy_hosts: Distribution = field(
        default_factory=lambda: Distribution(AGE_BIN_SECONDS)
    )
    delay: Distribution = field(default_factory=Distribution)
    delay_at_healthy_hosts: Distribution = field(default_factory=Distribution)
    queue_time: Distribution = field(default_factory=Distribution)
    duration: Distribution = field(default_factory=Distribution)
    manual_duration: Distribution = field(default_factory=Distribution)
    full_age: Distribution = field(default_factory=lambda: Distribution(AGE_BIN_SECONDS))
    requests_per_host: "array[int]" = field(init=False)
    runs_by_minute: Counter[int] = field(default_factory=Counter)
    """Runs requested in each minute, including the warm-up."""
    requests_by_minute: Counter[int] = field(default_factory=Counter)
    host_requests_by_minute: list[Counter[int]] = field(init=False)
    host_age: list[Distribution] = field(init=False)
    host_lane_seconds: list[float] = field(init=False)

    def __post_init__(self) -> None:
        detailed_hosts = min(MAX_DETAILED_HOSTS, len(self.host_sizes))
        self.requests_per_host = array("q", [0]) * len(self.host_sizes)
        self.host_requests_by_minute = [Counter() for _ in range(detailed_hosts)]
        self.host_age = [Distribution(AGE_BIN_SECONDS) for _ in range(detailed_hosts)]
        self.host_lane_seconds = [0.0] * detailed_hosts

    def record_requests(self, host: int, requests: int, now: float) -> None:
        """Count the Canvas requests of a run."""
        minute = int(now / MINUTE_SECONDS)
        self.requests += requests
        self.requests_by_minute[minute] += requests
        self.requests_per_host[host] += requests
        if host < len(self.host_requests_by_minute):
            self.host_requests_by_minute[host][minute] += requests
