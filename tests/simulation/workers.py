"""Worker processes: places for runs, and one core each."""

from random import Random
from typing import ClassVar, NamedTuple

from tests.simulation.assumptions import Assumptions
from tests.simulation.cost_samples import Cost
from tests.simulation.lanes import Lane


class SimulatedRun(NamedTuple):
    """One attempt of a worker, since when, and what it will take."""

    connection: int
    host: int
    lane: Lane
    started_at: float
    cost: Cost
    hangs: bool


class SimulatedWorkers:
    """A run is on a worker with a free place, whichever is first; its core serves all in turn."""

    GRACE_SECONDS: ClassVar[float] = 12.0
    """Seconds a stopping worker gives its runs."""
    RESTART_SECONDS: ClassVar[float] = 10.0
    """Seconds until its successor works."""

    def __init__(self, assumptions: Assumptions, rng: Random) -> None:
        self._assumptions, self._rng = assumptions, rng
        self._free_slots = [
            worker for worker in range(assumptions.workers) for _ in range(assumptions.concurrency)
        ]
        self._core_free_at = [0.0] * assumptions.workers
        self._stopped = bytearray(assumptions.workers)
        self._runs: dict[int, tuple[int, SimulatedRun]] = {}

    @property
    def has_free_slot(self) -> bool:
        """Whether a run could be taken on now."""
        return bool(self._free_slots)

    def start_run(self, run: SimulatedRun, now: float) -> float:
        """Begin a run, which no other attempt may be under way of; says when it will end."""
        if run.connection in self._runs:
            raise AssertionError("Two runs of one connection at once.")
        slots = self._free_slots
        index = int(self._rng.random() * len(slots))
        slots[index], slots[-1] = slots[-1], slots[index]
        worker = slots.pop()
        self._runs[run.connection] = (worker, run)
        self._core_free_at[worker] = max(self._core_free_at[worker], now) + run.cost.cpu_seconds
        return self._core_free_at[worker] + run.cost.seconds + self._assumptions.handover_seconds

    def end_run(self, run: SimulatedRun) -> bool:
        """End a run; False where its worker had given it back before."""
        worker, current = self._runs.get(run.connection, (0, None))
        if current is not run:
            return False
        del self._runs[run.connection]
        if not self._stopped[worker]:
            self._free_slots.append(worker)
        return True

    def stop(self, worker: int) -> None:
        """A worker takes nothing on any more."""
        self._stopped[worker] = 1
        self._free_slots = [each for each in self._free_slots if each != worker]

    def abandon_runs(self, worker: int) -> list[SimulatedRun]:
        """The runs a stopped worker could not end, which nobody works on now."""
        abandoned = [run for run_worker, run in self._runs.values() if run_worker == worker]
        for run in abandoned:
            del self._runs[run.connection]
        return abandoned

    def start(self, worker: int) -> None:
        """A worker has started."""
        self._stopped[worker] = 0
        self._free_slots += [worker] * self._assumptions.concurrency
