"""The state of all connections: host, courses, last run and failures."""

from array import array
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from domain.sync_schedule import delay_index, next_due_at
from tests.simulation.assumptions import Assumptions
from tests.simulation.due_list import DueList
from tests.simulation.institutions import HOUR_SECONDS, students_per_host

SIMULATION_START = datetime(2026, 9, 1, tzinfo=UTC)
MAX_INITIAL_FULL_AGE_SECONDS = 20 * HOUR_SECONDS
"""At the start, the last full run of each connection is up to this old."""


def time_at(seconds: float) -> datetime:
    """Convert seconds of the simulation to a time."""
    return SIMULATION_START + timedelta(seconds=seconds)


def seconds_since_start(time: datetime) -> float:
    """Convert a time to seconds of the simulation."""
    return (time - SIMULATION_START).total_seconds()


def new_connection_id(index: int, rng: Random) -> UUID:
    """Create an id that contains the index; the rest is random, as the jitter and lanes need it."""
    return UUID(int=index << 96 | rng.getrandbits(96))


def index_of(connection_id: UUID) -> int:
    """The index of the connection with this id."""
    return connection_id.int >> 96


class Connections:
    """Arrays with one item for each connection; times are in seconds of the simulation."""

    def __init__(self, assumptions: Assumptions, rng: Random) -> None:
        count = assumptions.connections
        self._sync_interval = assumptions.sync_interval
        self.host_sizes = students_per_host(assumptions)
        self.ids = [new_connection_id(index, rng) for index in range(count)]
        self.hosts = self._assign_hosts(rng)
        min_courses, max_courses = (
            max(1, assumptions.courses // 2),
            max(1, assumptions.courses * 3 // 2),
        )
        self.courses = array("b", [rng.randint(min_courses, max_courses) for _ in range(count)])
        self.failures = array("b", [0]) * count
        self.last_full_at = array(
            "d", [-rng.uniform(0, MAX_INITIAL_FULL_AGE_SECONDS) for _ in range(count)]
        )
        self.last_read_at = array("d", [0.0]) * count
        self.requested_at = array("d", [0.0]) * count
        self.attempts = bytearray(count)
        self.is_active = bytearray(count)
        self.is_full = bytearray(count)
        self.is_manual = bytearray(count)
        self.has_revoked_token = bytearray(count)
        self.is_rejected = bytearray(count)
        self.due_list = DueList(self.hosts)
        self.due_list.put_all(self._first_due(index, assumptions, rng) for index in range(count))

    def set_idle(self, index: int, now: float, failures: int) -> None:
        """Record the end of a run; `failures` is the number of failed runs in a row."""
        self.failures[index] = min(failures, 100)
        self.is_active[index] = 0
        self.due_list.put(index, self.due_after(index, now), has_failed=failures > 0)

    def set_rejected(self, index: int) -> None:
        """Record the end of a run whose token was rejected: the connection is never due."""
        self.failures[index] = 0
        self.is_active[index], self.is_rejected[index] = 0, 1

    def due_after(self, index: int, idle_since: float) -> float:
        """When a connection is due that has no run since `idle_since`."""
        delay = delay_index(self.ids[index], self.failures[index])
        return seconds_since_start(next_due_at(time_at(idle_since), delay, self._sync_interval))

    def _assign_hosts(self, rng: Random) -> "array[int]":
        hosts = array("i")
        for host, size in enumerate(self.host_sizes):
            hosts.extend([host] * size)
        rng.shuffle(hosts)
        return hosts

    def _first_due(self, index: int, assumptions: Assumptions, rng: Random) -> float:
        """A random time within the first wait, or the start if all connections are due at once."""
        if assumptions.herd:
            return 0.0
        delay = self.due_after(index, 0)
        idle_since = -rng.uniform(0, delay)
        self.last_read_at[index] = idle_since
        return idle_since + delay
