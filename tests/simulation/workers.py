"""Simulated worker processes: each has slots for runs, and one CPU core."""

from random import Random
from typing import ClassVar, NamedTuple

from tests.simulation.assumptions import Assumptions
from tests.simulation.cost_samples import Cost
from tests.simulation.lanes import Lane
from tests.simulation.outcomes import Outcome


class SimulatedRun(NamedTuple):
    """One attempt to execute a run, with its cost, and how it will end."""

    connection: int
    host: int
    lane: Lane
    started_at: float
    cost: Cost
    outcome: Outcome


class SimulatedWorkers:
    """All workers; a run gets a random free slot, and the runs of a worker share its core."""

    GRACE_SECONDS: ClassVar[float] = 12.0
    """After this time a stopping worker requeues the runs that are not finished."""
    RESTART_SECONDS: ClassVar[float] = 10.0
    """From the end of a worker to the start of its replacement."""

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
        """Whether a run can start now."""
        return bool(self._free_slots)

    def start_run(self, run: SimulatedRun, now: float) -> float:
        """Start a run, and return the time at which it will end.

        Raises: AssertionError if another run of the connection is in progress.
        """
        if run.connection in self._runs:
            raise AssertionError("Two runs of one connection are in progress.")
        slots = self._free_slots
        index = int(self._rng.random() * len(slots))
        slots[index], slots[-1] = slots[-1], slots[index]
        worker = slots.pop()
        self._runs[run.connection] = (worker, run)
        self._core_free_at[worker] = max(self._core_free_at[worker], now) + run.cost.cpu_seconds
        return self._core_free_at[worker] + run.cost.seconds + self._assumptions.handover_seconds

    def end_run(self, run: SimulatedRun) -> bool:
        """End a run and free its slot; return False if its worker had requeued it before."""
        worker, current = self._runs.get(run.connection, (0, None))
        if current is not run:
            return False
        del self._runs[run.connection]
        if not self._stopped[worker]:
            self._free_slots.append(worker)
        return True

    def stop(self, worker: int) -> None:
        """Stop a worker, so that it starts no further runs."""
        self._stopped[worker] = 1
        self._free_slots = [each for each in self._free_slots if each != worker]

    def abandon_runs(self, worker: int) -> list[SimulatedRun]:
        """Remove and return the runs that a stopped worker did not finish."""
        abandoned = [run for run_worker, run in self._runs.values() if run_worker == worker]
        for run in abandoned:
            del self._runs[run.connection]
        return abandoned

    def start(self, worker: int) -> None:
        """Start a worker again, with all slots free."""
        self._stopped[worker] = 0
        self._free_slots += [worker] * self._assumptions.concurrency
