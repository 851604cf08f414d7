"""Writes docs/benchmarks.md and docs/benchmarks.json from the reports of one run."""

import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from tests.benchmarks.machine_speed import on_reference_machine
from tests.benchmarks.missed_goals import REASONS
from tests.benchmarks.report import Figure, Report, Table, as_markdown, number

INTRODUCTION = """\
# Benchmarks

What easeboard costs beside other programs, on one machine in one run. `make bench` measures
everything and writes this page and [benchmarks.json](benchmarks.json); do not edit them.

## How to read the figures

- **CPU decides, not the clock.** The machine is shared and has few cores, so a rate depends on its
  neighbours. CPU per unit is the time that the named process computed, with all its threads, read
  from the CPU clock of the operating system. The CPU of PostgreSQL stands beside it: the sum over
  all its processes.
- **Compare within one table only.** All contenders of a table take turns in short slices
  (A B C, A B C, …), so that they meet the same neighbours. A figure is the median of its slices.
  Differences below about 1.3 × are noise.
- **A goal** is what the project promised itself before the work was done. The figures that missed
  theirs come first.
- **The machine is not always as fast.** A fixed piece of work is executed before and after each
  benchmark; "slowness" is its time beside the reference machine, the one of the
  [budgets](../tests/budgets/budgets.toml). "At reference speed" is a duration or a rate converted
  with it: an estimate, too favourable where time is spent waiting instead of computing. Ratios do
  not depend on it. Whether a goal is met is decided by what was measured.
- **A benchmark that could not be set up** is listed with the reason; the others are complete.
"""


MEASURED_COLUMNS = ("measured", "at reference speed", "unit")


class PartResult(NamedTuple):
    """The outcome of one benchmark; if it failed, `error` is why."""

    name: str
    description: str
    seconds: float
    slowness: float
    """How many times slower than the reference machine this one was."""
    report: Report
    error: str | None = None


def write_documents(folder: Path, results: list[PartResult], *, quick: bool) -> list[Path]:
    """Write the page, the JSON document and the charts; return their paths.

    The page states whether the run was a small one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "benchmarks.md": render_page(results, quick=quick),
        "benchmarks.json": render_json(results),
    }
    for result in results:
        contents |= result.report.charts
    paths = [folder / name for name in contents]
    for path, content in zip(paths, contents.values(), strict=True):
        path.write_text(content, "utf-8")
    return paths


def render_page(results: list[PartResult], *, quick: bool) -> str:
    """Render the page: losses, goals that were met, what is missing, then every benchmark."""
    figures = [(result, figure) for result in results for figure in result.report.figures]
    missed = [each for each in figures if each[1].is_missed]
    met = [each for each in figures if each[1].goal and not each[1].is_missed]
    missed.sort(key=lambda each: -each[1].distance)
    sections = [
        INTRODUCTION,
        _machine(results, quick=quick),
        f"## Goals that are missed\n\n{_goal_table(missed) or 'None.'}\n{_reasons(missed)}",
        f"## Goals that are met\n\n{_goal_table(met) or 'None.'}\n",
        f"## What could not be measured\n\n{_missing(results) or 'Nothing.'}\n",
        *(_section(result) for result in results if result.error is None),
    ]
    return "\n".join(sections)


def _machine(results: list[PartResult], *, quick: bool) -> str:
    facts = machine_facts()
    minutes = sum(result.seconds for result in results) / 60
    slowness = [result.slowness for result in results]
    return (
        f"Measured on {facts['measured_at'][:10]} in {minutes:.0f} minutes"
        f"{', a small run (`--quick`)' if quick else ''}: {facts['processors']} "
        f"processors, Python {facts['python']}, load {facts['load']} at the end, slowness "
        f"{min(slowness):.1f} to {max(slowness):.1f}; "
        f"{facts['packages']}.\n"
    )


def machine_facts() -> dict[str, Any]:
    """Describe this machine and the versions of what is measured."""
    names = ("fastapi", "uvicorn", "uvloop", "psycopg", "eventsourcing", "aiohttp", "orjson")
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processors": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "load": f"{os.getloadavg()[0]:.1f}",
        "packages": ", ".join(f"{name} {version(name)}" for name in names),
    }


def _goal_table(figures: list[tuple[PartResult, Figure]]) -> str:
    if not figures:
        return ""
    rows = [
        [
            f"{figure.name} ([{result.name}](#{_anchor(result.name)}))",
            *_measured(figure, result.slowness),
            f"{figure.goal}",
        ]
        for result, figure in figures
    ]
    return as_markdown(Table("Figures", ["figure", *MEASURED_COLUMNS, "goal"], rows))


def _reasons(missed: list[tuple[PartResult, Figure]]) -> str:
    names = dict.fromkeys(result.name for result, _ in missed if result.name in REASONS)
    return "".join(f"\n- **{name}**: {REASONS[name]}\n" for name in names)


def _measured(figure: Figure, slowness: float) -> list[str]:
    converted = on_reference_machine(figure, slowness)
    return [
        number(figure.value),
        "–" if converted is None else number(converted),
        figure.unit,
    ]


def _anchor(name: str) -> str:
    return name.replace("_", "-")


def _missing(results: list[PartResult]) -> str:
    lines = [f"- **{each.name}**: {each.error}" for each in results if each.error]
    return "\n".join(lines)


def _section(result: PartResult) -> str:
    parts = [f"## {_anchor(result.name)}", result.description]
    parts += [as_markdown(table) for table in result.report.tables]
    parts.append(f"Slowness of the machine: {number(result.slowness)}.")
    if result.report.figures:
        rows = [
            [
                figure.name,
                *_measured(figure, result.slowness),
                f"{figure.goal or '–'}",
                _verdict(figure),
            ]
            for figure in result.report.figures
        ]
        columns = ["figure", *MEASURED_COLUMNS, "goal", "met"]
        parts.append(as_markdown(Table("Figures", columns, rows)))
    parts += [f"![{name}]({name})" for name in result.report.charts]
    if result.report.notes:
        parts.append("\n".join(f"- {note}" for note in result.report.notes))
    return "\n\n".join(parts) + "\n"


def _verdict(figure: Figure) -> str:
    if figure.goal is None:
        return "–"
    return "**no**" if figure.is_missed else "yes"


def render_json(results: list[PartResult]) -> str:
    """Render all figures and tables for programs."""
    document = {"machine": machine_facts(), "benchmarks": [_as_json(each) for each in results]}
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(document, option=options).decode()


def _as_json(result: PartResult) -> Mapping[str, Any]:
    return {
        "name": result.name,
        "seconds": round(result.seconds, 1),
        "slowness": round(result.slowness, 2),
        "error": result.error,
        "figures": [
            {
                "name": figure.name,
                "value": figure.value,
                "unit": figure.unit,
                "goal": f"{figure.goal}" if figure.goal else None,
                "met": None if figure.goal is None else not figure.is_missed,
            }
            for figure in result.report.figures
        ],
        "tables": [table._asdict() for table in result.report.tables],
        "notes": result.report.notes,
    }
