"""Chooses for which due connections a run is requested now, and at which hosts one may start."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from domain.circuit_breaker import CircuitBreaker
from domain.sync_schedule import DueConnection

MAX_QUEUED_RUNS = 1000
"""Queued runs at which the scanner requests no further runs."""
FULL_SCAN_INTERVAL = timedelta(minutes=1)
"""Time between two scans that ignore the cursors and begin with the first due connection."""
MAX_CURSORS = 64
"""Cursors that are kept; when one more is needed, all are deleted."""
SLOW_RUN_SECONDS = 20.0
"""A run that takes longer makes its host a slow one, until the run ends."""


class RunningSync(NamedTuple):
    """A run that a worker executes: the origin of its host, and since how many seconds it runs."""

    origin: str
    seconds: float


def hosts_with_open_circuit(circuits: Mapping[str, CircuitBreaker], now: datetime) -> list[str]:
    """Return the origins at which no run may be requested now, except a probe."""
    return [origin for origin, circuit in circuits.items() if circuit.state(now) != "closed"]


def hosts_to_probe(circuits: Mapping[str, CircuitBreaker], now: datetime) -> list[str]:
    """Return the origins at which one run, the probe, is due; the longest due first."""
    due = [(c.open_until, origin) for origin, c in circuits.items() if c.is_probe_due(now)]
    return [origin for _, origin in sorted(due)]


def hosts_at_capacity(queued_runs: Mapping[str, int], capacity: int = MAX_QUEUED_RUNS) -> list[str]:
    """Return the origins that have at least as many queued runs as there are free places.

    So there are always places for other hosts: one host alone can use half of `capacity`, each of
    two a third, and so on. `queued_runs` has the number of queued runs by origin.
    """
    left = capacity - sum(queued_runs.values())
    return [origin for origin, runs in queued_runs.items() if runs >= left]


def hosts_without_place(
    running: Sequence[RunningSync], places: int, places_per_host: int
) -> set[str]:
    """Return the origins at which a worker starts no further run now.

    There are always places for other hosts, as in `hosts_at_capacity`, unless the operator gives
    one host all `places` of a worker. All slow hosts together use at most half of the places.
    """
    running_at = Counter(run.origin for run in running)
    slow = {run.origin for run in running if run.seconds > SLOW_RUN_SECONDS}
    full = hosts_at_capacity(running_at, places) if places_per_host < places else []
    is_half_slow = 2 * sum(running_at[origin] for origin in slow) >= places
    return {*full, *(slow if is_half_slow else ())}


def admit(
    due: Iterable[DueConnection], queued_runs: Mapping[str, int], capacity: int = MAX_QUEUED_RUNS
) -> list[DueConnection]:
    """Return the due connections for which there is capacity, in their order."""
    queued_at, left = Counter(queued_runs), capacity - sum(queued_runs.values())
    admitted = list[DueConnection]()
    for connection in due:
        if queued_at[connection.origin] < left:
            queued_at[connection.origin] += 1
            left -= 1
            admitted.append(connection)
    return admitted


class ScanCursors:
    """For each set of skipped hosts, the due connection up to which all runs were requested.

    Due connections of skipped hosts (open circuit, or at capacity) collect at the start of the
    order. Without a cursor each scan would read all of them again. A connection that becomes due
    before a cursor, for example after a new token, is found by the next full scan.
    """

    def __init__(self) -> None:
        self._cursors: dict[frozenset[str], DueConnection] = {}
        self._last_full_scan: datetime | None = None

    def resume_after(self, skipped_hosts: frozenset[str], now: datetime) -> DueConnection | None:
        """Return the last connection that this scan need not read; None to begin with the first.

        A cursor can be used if all hosts that it skipped are skipped now.
        """
        if self._last_full_scan is None or now - self._last_full_scan >= FULL_SCAN_INTERVAL:
            self._last_full_scan = now
            return None
        usable = [
            due for hosts, due in self._cursors.items() if skipped_hosts and hosts <= skipped_hosts
        ]
        return max(usable, key=sort_key, default=None)

    def advance(
        self,
        skipped_hosts: frozenset[str],
        batch: Sequence[DueConnection],
        requested: Sequence[DueConnection],
    ) -> None:
        """Move a cursor to the connection before the first one of a batch without a request."""
        last = None
        for due, admitted in zip(batch, requested, strict=False):
            if due != admitted:
                break
            last = due
        if len(self._cursors) >= MAX_CURSORS:
            self._cursors.clear()
        if last:
            self._cursors[skipped_hosts] = last


def sort_key(due: DueConnection) -> tuple[datetime, UUID]:
    """Return the key by which due connections are ordered."""
    return due.due_at, due.connection_id
