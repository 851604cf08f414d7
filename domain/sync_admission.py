"""Whose turn it is: which of the connections that are due are asked for now."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from domain.circuit_breaker import CircuitBreaker
from domain.sync_schedule import DueConnection

MAX_QUEUED_RUNS = 1000
"""Runs that may wait for a worker before the clock asks for no more."""
FULL_SCAN_INTERVAL = timedelta(minutes=1)
"""How often the clock looks at everything that is due, from the first on."""
MAX_CURSORS = 64
"""Sets of hosts passed by that are remembered; more are begun anew."""


def hosts_with_open_circuit(circuits: Mapping[str, CircuitBreaker], now: datetime) -> list[str]:
    """The hosts at which the clock asks for nothing now, but perhaps for a probe."""
    return [origin for origin, circuit in circuits.items() if circuit.state(now) != "closed"]


def hosts_to_probe(circuits: Mapping[str, CircuitBreaker], now: datetime) -> list[str]:
    """The hosts at which the clock asks for one run, those that wait longest first."""
    due = [(c.open_until, origin) for origin, c in circuits.items() if c.is_probe_due(now)]
    return [origin for _, origin in sorted(due)]


def hosts_at_capacity(queued_runs: Mapping[str, int], capacity: int = MAX_QUEUED_RUNS) -> list[str]:
    """The hosts with as many runs waiting as there is room left: there is always some for others.

    A host alone may fill a half of the room, each of two a third, and so on.
    """
    left = capacity - sum(queued_runs.values())
    return [origin for origin, runs in queued_runs.items() if runs >= left]


def admit(
    due: Iterable[DueConnection], queued_runs: Mapping[str, int], capacity: int = MAX_QUEUED_RUNS
) -> list[DueConnection]:
    """Those of the due there is room for, in their order."""
    queued_at, left = Counter(queued_runs), capacity - sum(queued_runs.values())
    admitted = list[DueConnection]()
    for connection in due:
        if queued_at[connection.origin] < left:
            queued_at[connection.origin] += 1
            left -= 1
            admitted.append(connection)
    return admitted


class ScanCursors:
    """How far the clock has asked for everything that was due but at some hosts.

    What is due at a host that is left alone or crowded piles up in front of all else, and to pass
    it by each time would take ever longer. What moves back behind a front, as a connection with
    a new token does, is found by the next look from the first on.
    """

    def __init__(self) -> None:
        self._cursors: dict[frozenset[str], DueConnection] = {}
        self._last_full_scan: datetime | None = None

    def resume_after(self, skipped_hosts: frozenset[str], now: datetime) -> DueConnection | None:
        """The last of those that need not be looked at again; None to begin with the first."""
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
        """Remember how far a batch was asked for without a gap, but at these hosts."""
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
    """Where a connection stands among all that are due."""
    return due.due_at, due.connection_id
