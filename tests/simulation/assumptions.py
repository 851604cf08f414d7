"""The assumptions of the simulation; each is a command-line flag of the same name."""

from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any


def _assume(default: Any, description: str) -> Any:
    return field(default=default, metadata={"description": description})


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """A modelled world and a deployment; docs/scaling.md names the source of each number."""

    connections: int = _assume(1_000_000, "open connections, each with a valid token")
    hours: float = _assume(24.0, "virtual hours that are measured")
    start_hour: float = _assume(0.0, "hour of the day at which measuring starts")
    warm_up: float = _assume(1.0, "virtual hours before, which are not measured")
    seed: int = _assume(1, "seed of the random number generator")

    workers: int = _assume(12, "worker processes")
    concurrency: int = _assume(16, "SYNC_CONCURRENCY: concurrent runs of one worker")
    lanes: int = _assume(8, "SYNC_CONCURRENCY_PER_HOST: concurrent runs at one Canvas host")
    interval: float = _assume(
        120.0, "SYNC_INTERVAL_MINUTES: minutes between two runs of a connection"
    )
    max_waiting: int = _assume(1000, "queued runs above which the scanner requests no more")
    scanner_rate: float = _assume(270.0, "runs a second that the scanner can request")
    page_seconds: float = _assume(0.02, "seconds to find a page of 250 due connections")

    institutions: int = _assume(4000, "Canvas hosts")
    zipf: float = _assume(0.8, "the n-th largest host has 1/n^zipf of the students of the largest")
    courses: int = _assume(6, "mean courses of a student; uniform from 50 % less to 50 % more")

    changed_share: float = _assume(0.2, "share of runs, over a day, that find a change")
    manual_syncs: float = _assume(0.5, "manual syncs of a person in a day")
    evening_activity: float = _assume(
        0.8, "how much more activity there is at 20 h than on average, and less at 8 h"
    )

    latency: float = _assume(0.2, "median response time of Canvas in seconds")
    latency_sigma: float = _assume(
        1.0, "sigma of its logarithm; with 1, the 99th percentile is e^2.33 times the median"
    )
    evening_latency: float = _assume(0.5, "how much longer Canvas takes at 20 h: 0.5 is 50 %")
    shared_tokens: float = _assume(
        0.05, "share of tokens with which another program has six requests in flight"
    )
    handover_seconds: float = _assume(
        0.02, "seconds for a worker to fetch and finish the job of a run"
    )

    cpu_incremental: float = _assume(
        0.015, "CPU seconds of a worker for an unchanged incremental run"
    )
    cpu_full: float = _assume(
        0.028, "CPU seconds of a worker for a full run of a student with the mean courses"
    )
    cpu_changed: float = _assume(
        0.005, "additional CPU seconds of a worker for each changed course"
    )
    db_incremental: float = _assume(
        0.0042, "CPU seconds of PostgreSQL for an unchanged incremental run"
    )
    db_full: float = _assume(0.0056, "CPU seconds of PostgreSQL for a full run")
    db_changed: float = _assume(
        0.001, "additional CPU seconds of PostgreSQL for each changed course"
    )

    events: float = _assume(3.0, "events of an unchanged run")
    events_changed: float = _assume(3.0, "additional events for each changed course")
    transactions: float = _assume(6.4, "write transactions of an unchanged run")
    transactions_changed: float = _assume(
        1.3, "additional write transactions for each changed course"
    )
    rows: float = _assume(20.1, "rows that an unchanged run inserts, updates or deletes")
    rows_changed: float = _assume(14.6, "additional rows for each changed course")
    log_kib: float = _assume(
        1.1, "KiB by which an unchanged run enlarges the event log, indexes included"
    )
    log_kib_changed: float = _assume(2.8, "additional KiB of the event log for each changed course")
    wal_kib: float = _assume(8.7, "KiB of WAL of an unchanged run, without full-page images")
    wal_kib_changed: float = _assume(15.8, "additional KiB of WAL for each changed course")

    outages: float = _assume(0.01, "share of hosts that hang for one hour of the day")
    large_outage: int = _assume(
        1, "1: the third largest host hangs from 18 to 20 h; 0: it does not"
    )
    deploys: int = _assume(2, "rolling restarts of all workers in the measured hours")
    herd: int = _assume(
        0, "1: all connections are due at the start, as after a long outage of the database"
    )
    samples: int = _assume(200, "runs of each kind to measure at the modelled Canvas")

    @property
    def sync_interval(self) -> timedelta:
        """`interval` as a timedelta."""
        return timedelta(minutes=self.interval)

    @property
    def total_seconds(self) -> float:
        """The length of the simulation, including the warm-up."""
        return (self.warm_up + self.hours) * 3600


def descriptions() -> dict[str, str]:
    """The description of each assumption, by name."""
    return {each.name: each.metadata["description"] for each in fields(Assumptions)}
