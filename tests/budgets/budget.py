"""The budgets of the file budgets.toml, and what is measured for them."""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.budgets.reference_work import REFERENCE_MICROSECONDS, reference_cpu_seconds

BUDGETS_FILE = Path(__file__).with_name("budgets.toml")
SLICES = 6
MAX_MEASUREMENTS = 3
MAX_RATIO = 1.7
"""A doubling fails. A busy machine does not: it makes CPU time 1.3 × longer at most, because the
smallest of several slices counts, and because it slows the reference work down too."""
_HEADER = """\
# CPU microseconds of one unit, on a machine where the reference work takes 10 ms.
# Written by `python -m tests.budgets --update`; test_budgets.py fails at 1.7 × one of them.
"""


class WorkSlice(NamedTuple):
    """Some units of work, and the CPU seconds that the measured process needed."""

    units: float
    cpu: float


MeasureSlice = Callable[[], WorkSlice]


def measure_microseconds(measure: MeasureSlice) -> float:
    """Return the CPU microseconds of a unit, in those of the reference machine.

    Slices of the work and of the reference work alternate; the smallest of each counts.
    """
    measure()
    costs, references = [], []
    for _ in range(SLICES):
        references.append(reference_cpu_seconds())
        work = measure()
        costs.append(work.cpu / work.units)
    return min(costs) / min(references) * REFERENCE_MICROSECONDS


def measure_within(measure: MeasureSlice, budget: float) -> float:
    """Measure once, or up to three times as long while the result is more than the budget allows.

    A neighbour can be busy during all slices of one measurement; a real doubling stays.
    """
    microseconds = measure_microseconds(measure)
    for _ in range(MAX_MEASUREMENTS - 1):
        if microseconds > MAX_RATIO * budget:
            microseconds = min(microseconds, measure_microseconds(measure))
    return microseconds


def load_budgets() -> dict[str, float]:
    """Return the budget of each name."""
    return dict(tomllib.loads(BUDGETS_FILE.read_text("utf-8"))["cpu_microseconds"])


def write_budgets(measured: Mapping[str, float]) -> None:
    """Replace the file by what was measured."""
    lines = [f'"{name}" = {microseconds:.1f}' for name, microseconds in measured.items()]
    BUDGETS_FILE.write_text("\n".join([_HEADER, "[cpu_microseconds]", *lines, ""]), "utf-8")


def exceeded(measured: Mapping[str, float], budgets: Mapping[str, float]) -> dict[str, float]:
    """Return the ratio to its budget for everything that costs too much."""
    ratios = {name: measured[name] / budget for name, budget in budgets.items()}
    return {name: ratio for name, ratio in ratios.items() if ratio > MAX_RATIO}
