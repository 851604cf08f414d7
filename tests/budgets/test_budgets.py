"""Frequent work costs about what it did when its budget was written."""

import subprocess
import sys

import pytest

from tests.budgets.budget import MAX_RATIO, SLICES, WorkSlice, exceeded, measure_microseconds
from tests.budgets.reference_work import REFERENCE_MICROSECONDS, reference_cpu_seconds
from tests.deadlines import scaled


@pytest.mark.process
@pytest.mark.timeout(900)
def test_frequent_work_keeps_its_budgets() -> None:
    """The process is new, so that nothing of other tests is in its memory."""
    command = [sys.executable, "-m", "tests.budgets"]
    completed = subprocess.run(  # noqa: S603  # our own program
        command, capture_output=True, text=True, timeout=scaled(300), check=False
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr


def test_a_doubling_exceeds_a_budget() -> None:
    budgets = {"append": 100.0, "read": 10.0}
    assert exceeded({"append": 200.0, "read": 10.0 * MAX_RATIO}, budgets) == {"append": 2.0}


def test_the_smallest_slice_counts_and_is_relative_to_the_reference_work() -> None:
    disturbances = iter([1.0, *[3.0] * (SLICES - 1), 1.0])

    def measure() -> WorkSlice:
        cpu = 2 * min(reference_cpu_seconds() for _ in range(5))
        return WorkSlice(units=1, cpu=cpu * next(disturbances))

    microseconds = measure_microseconds(measure)
    assert REFERENCE_MICROSECONDS < microseconds < 4 * REFERENCE_MICROSECONDS
