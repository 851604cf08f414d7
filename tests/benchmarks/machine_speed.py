"""How slow the machine is beside the reference machine, and what a figure would be on that one."""

from statistics import median

from tests.benchmarks.report import Figure
from tests.budgets.reference_work import REFERENCE_MICROSECONDS, reference_cpu_seconds

_EXECUTIONS = 9
_DURATIONS = ("µs", "ms", "s")
_RATES = ("events/s",)


def measure_slowness() -> float:
    """Return how many times longer than on the reference machine a fixed piece of work takes."""
    seconds = median(reference_cpu_seconds() for _ in range(_EXECUTIONS))
    return seconds / (REFERENCE_MICROSECONDS / 1e6)


def on_reference_machine(figure: Figure, slowness: float) -> float | None:
    """Return a duration or a rate as if the machine had the speed of the reference machine.

    None for ratios, sizes and counts, which do not depend on the speed.
    """
    unit = figure.unit.split(" ")[0]
    if unit in _DURATIONS:
        return figure.value / slowness
    return figure.value * slowness if unit in _RATES else None
