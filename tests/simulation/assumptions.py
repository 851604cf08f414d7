"""Everything the simulation takes for granted; each is a flag of the same name."""

from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any


def _assume(default: Any, description: str) -> Any:
    return field(default=default, metadata={"description": description})


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """A world and a deployment; docs/scaling.md says where each number is from."""

    connections: int = _assume(1_000_000, "connections, all open and with a token that works")
    hours: float = _assume(24.0, "virtual hours that are counted")
    begins: float = _assume(0.0, "the hour of the day at which counting begins")
    warm_up: float = _assume(1.0, "virtual hours before, which are not counted")
    seed: int = _assume(1, "of all chance")

    workers: int = _assume(12, "worker processes")
    concurrency: int = _assume(16, "SYNC_CONCURRENCY: runs of a worker at a time")
    lanes: int = _assume(8, "SYNC_CONCURRENCY_PER_HOST: runs at a Canvas at a time")
    interval: float = _assume(120.0, "SYNC_INTERVAL_MINUTES")
    max_waiting: int = _assume(1000, "runs that may wait before the clock asks for no more")
    scanner_rate: float = _assume(270.0, "requests a second that one scanner records and queues")
    page_seconds: float = _assume(0.02, "seconds to find a page of 250 due connections")

    institutions: int = _assume(4000, "Canvas hosts")
    zipf: float = _assume(0.8, "the n-th largest has 1/n^zipf as many students as the largest")
    courses: int = _assume(6, "courses of the usual student; from half of it to half more")

    changed_share: float = _assume(0.2, "share of runs, over a day, that find something changed")
    manual_syncs: float = _assume(0.5, "syncs a person asks for a day, by hand")
    evening_activity: float = _assume(
        0.8, "by how much more happens at 20 h than in the mean, and less at 8 h"
    )

    latency: float = _assume(0.2, "seconds, the median answer of Canvas")
    latency_sigma: float = _assume(
        1.0, "sigma of its logarithm: the 99th percentile is e^2.33 times as long"
    )
    evening_latency: float = _assume(0.5, "by how much longer Canvas takes at 20 h")
    shared_tokens: float = _assume(
        0.05, "share of tokens whose owner's other program holds six requests"
    )
    handover_seconds: float = _assume(0.02, "seconds between two runs of a lane, and around a run")

    cpu_incremental: float = _assume(0.015, "seconds of a worker's core for an unchanged run")
    cpu_full: float = _assume(0.028, "the same for one that reads everything, six courses")
    cpu_changed: float = _assume(0.005, "more, for each changed course")
    db_incremental: float = _assume(0.0042, "seconds of PostgreSQL's cores for an unchanged run")
    db_full: float = _assume(0.0056, "the same for one that reads everything")
    db_changed: float = _assume(0.001, "more, for each changed course")

    events: float = _assume(3.0, "events of an unchanged run")
    events_changed: float = _assume(3.0, "more, for each changed course")
    transactions: float = _assume(6.4, "transactions that write, of an unchanged run")
    transactions_changed: float = _assume(1.3, "more, for each changed course")
    rows: float = _assume(20.1, "rows that an unchanged run inserts, updates or deletes")
    rows_changed: float = _assume(14.6, "more, for each changed course")
    log_kib: float = _assume(
        1.1, "KiB by which the log grows with an unchanged run, indexes included"
    )
    log_kib_changed: float = _assume(2.8, "more, for each changed course")
    wal_kib: float = _assume(8.7, "KiB of WAL of an unchanged run, but for whole pages")
    wal_kib_changed: float = _assume(15.8, "more, for each changed course")

    outages: float = _assume(0.01, "share of hosts that hang for an hour some time in the day")
    large_outage: int = _assume(1, "1: the third largest host hangs from 18 to 20 h")
    deploys: int = _assume(2, "rolling restarts of all workers a day")
    herd: int = _assume(0, "1: all are due at the same moment, as after a night without a database")
    samples: int = _assume(200, "runs of each kind that are tried out at a modelled Canvas")

    @property
    def sync_interval(self) -> timedelta:
        """The interval, as the rules take it."""
        return timedelta(minutes=self.interval)

    @property
    def total_seconds(self) -> float:
        """How long the whole simulation is."""
        return (self.warm_up + self.hours) * 3600


def descriptions() -> dict[str, str]:
    """What each assumption means."""
    return {each.name: each.metadata["description"] for each in fields(Assumptions)}
