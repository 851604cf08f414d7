"""The queue of procrastinate in memory: it fetches by priority and age, one job for each lock."""

from collections import Counter
from dataclasses import dataclass, field
from heapq import heappop, heappush

Entry = tuple[int, int, int]
"""The negative priority, the number of the job, and the index of the connection."""


@dataclass(slots=True)
class Lane:
    """The jobs with one lock; only one of them is executed at a time."""

    name: str
    host: int
    waiting: list[Entry] = field(default_factory=list)
    is_busy: bool = False


class Lanes:
    """All lanes; test_lanes.py compares them with procrastinate on PostgreSQL."""

    def __init__(self) -> None:
        self.waiting_at: Counter[int] = Counter()
        self._lanes: dict[str, Lane] = {}
        self._heads: list[tuple[int, int, int, Lane]] = []
        self._last_job_number = 0

    def add(self, connection: int, name: str, host: int, *, urgent: bool = False) -> None:
        """Queue a job in a lane of its host."""
        self._last_job_number += 1
        lane = self._lanes.setdefault(name, Lane(name, host))
        entry = (-urgent, self._last_job_number, connection)
        heappush(lane.waiting, entry)
        self.waiting_at[host] += 1
        if not lane.is_busy and lane.waiting[0] is entry:
            heappush(self._heads, (*entry, lane))

    def take(self) -> tuple[int, Lane] | None:
        """Fetch the next job whose lane is free, if there is one, and mark its lane as busy."""
        while self._heads:
            _, number, connection, lane = heappop(self._heads)
            if not lane.is_busy and lane.waiting and lane.waiting[0][1] == number:
                heappop(lane.waiting)
                lane.is_busy = True
                self._decrement_waiting(lane.host)
                return connection, lane
        return None

    def free(self, lane: Lane) -> None:
        """Mark a lane as free after the end of its job."""
        lane.is_busy = False
        if lane.waiting:
            heappush(self._heads, (*lane.waiting[0], lane))
        else:
            del self._lanes[lane.name]

    def _decrement_waiting(self, host: int) -> None:
        self.waiting_at[host] -= 1
        if not self.waiting_at[host]:
            del self.waiting_at[host]
