"""Worker processes: places for runs, and one core each."""

from random import Random
from typing import ClassVar, NamedTuple

from tests.simulation.assumptions import Assumptions
from tests.simulation.cost_samples import Cost
from tests.simulation.lanes import Lane


class Run(NamedTuple):
    """One attempt of a worker, since when, and what it will take."""

    one: int
    host: int
    lane: Lane
    began: float
    cost: Cost
    hangs: bool


class Workers:
    """A run is on a worker with a free place, whichever is first; its core serves all in turn."""

    GRACE: ClassVar[float] = 12.0
    """Seconds a stopping worker gives its runs."""
    AWAY: ClassVar[float] = 10.0
    """Seconds until its successor works."""

    def __init__(self, world: Assumptions, chance: Random) -> None:
        self._world, self._chance = world, chance
        self._places = [w for w in range(world.workers) for _ in range(world.concurrency)]
        self._free_at = [0.0] * world.workers
        self._stopped = bytearray(world.workers)
        self._runs: dict[int, tuple[int, Run]] = {}

    @property
    def has_room(self) -> bool:
        """Whether a run could be taken on now."""
        return bool(self._places)

    def take_on(self, run: Run, now: float) -> float:
        """Begin a run, which no other attempt may be under way of; says when it will end."""
        if run.one in self._runs:
            raise AssertionError("Two runs of one connection at once.")
        places = self._places
        nth = int(self._chance.random() * len(places))
        places[nth], places[-1] = places[-1], places[nth]
        worker = places.pop()
        self._runs[run.one] = (worker, run)
        self._free_at[worker] = max(self._free_at[worker], now) + run.cost.cpu
        return self._free_at[worker] + run.cost.seconds + self._world.handover

    def lets_go(self, run: Run) -> bool:
        """End a run; False where its worker had given it back before."""
        worker, current = self._runs.get(run.one, (0, None))
        if current is not run:
            return False
        del self._runs[run.one]
        if not self._stopped[worker]:
            self._places.append(worker)
        return True

    def stop(self, worker: int) -> None:
        """A worker takes nothing on any more."""
        self._stopped[worker] = 1
        self._places = [each for each in self._places if each != worker]

    def abandon(self, worker: int) -> list[Run]:
        """The runs a stopped worker could not end, which nobody works on now."""
        left = [run for at, run in self._runs.values() if at == worker]
        for run in left:
            del self._runs[run.one]
        return left

    def begin(self, worker: int) -> None:
        """A worker has started."""
        self._stopped[worker] = 0
        self._places += [worker] * self._world.concurrency
