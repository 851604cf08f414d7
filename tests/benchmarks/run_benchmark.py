"""Runs one benchmark in a new process, so that none inherits memory or settings of another."""

import ast
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

from tests.benchmarks.document import PartResult
from tests.benchmarks.machine_speed import measure_slowness
from tests.benchmarks.report import Report, RunSize


def run_apart(name: str, size: RunSize) -> PartResult:
    """Run a benchmark in a new process; if it fails, the result has the reason."""
    slowness_before, started_at = measure_slowness(), time.perf_counter()
    report, error = Report(), None
    try:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
            report = executor.submit(run_here, name, size).result()
    except Exception as failure:  # noqa: BLE001  # whatever it is, the other benchmarks go on
        traceback.print_exc()
        error = f"{type(failure).__name__}: {failure}".strip().splitlines()[0]
    seconds = time.perf_counter() - started_at
    slowness = (slowness_before + measure_slowness()) / 2
    return PartResult(name, description_of(name), seconds, slowness, report, error)


def run_here(name: str, size: RunSize) -> Report:
    """Run a benchmark in this process."""
    report: Report = import_module(f"tests.benchmarks.{name}").measure_all(size)
    return report


def description_of(name: str) -> str:
    """Return the docstring of a benchmark, without importing it."""
    source = (Path(__file__).parent / f"{name}.py").read_text("utf-8")
    return ast.get_docstring(ast.parse(source)) or ""
