"""Measures contenders in turn, in short slices, so that all of them meet the same neighbours."""

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from tests.benchmarks.cpu_clocks import ServerCpu


class Slice(NamedTuple):
    """What some units of work took, in seconds.

    `cpu` is the CPU time of the program that is measured, `database` that of PostgreSQL.
    """

    units: float
    wall: float
    cpu: float
    database: float = 0.0


@dataclass
class Costs:
    """All slices of one contender."""

    slices: list[Slice] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Units a second of wall-clock time, the median of the slices."""
        return median(each.units / each.wall for each in self.slices)

    @property
    def cpu(self) -> float:
        """CPU microseconds of the program for each unit, the median of the slices."""
        return median(each.cpu / each.units * 1e6 for each in self.slices)

    @property
    def database(self) -> float:
        """CPU microseconds of PostgreSQL for each unit, the median of the slices."""
        return median(each.database / each.units * 1e6 for each in self.slices)

    @property
    def all_cpu(self) -> float:
        """CPU microseconds of both for each unit, the median of the slices."""
        return median((each.cpu + each.database) / each.units * 1e6 for each in self.slices)


def alternate(
    contenders: Mapping[str, Callable[[], Slice]], rounds: int, *, warm_up: bool = True
) -> dict[str, Costs]:
    """Measure A B C A B C …; with `warm_up`, one more round before is thrown away."""
    costs = {name: Costs() for name in contenders}
    for nth in range(rounds + warm_up):
        for name, run in contenders.items():
            measured = run()
            if nth or not warm_up:
                costs[name].slices.append(measured)
    return costs


def measure_here(units: float, run: Callable[[], object], server: ServerCpu | None = None) -> Slice:
    """Measure a function of this process; `server` is the PostgreSQL that it uses."""
    gc.collect()
    database = server.cpu_seconds() if server else 0.0
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    database = server.cpu_seconds() - database if server else 0.0
    return Slice(units, wall, cpu, database)
