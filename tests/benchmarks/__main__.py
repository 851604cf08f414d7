"""Run benchmarks beside their peers, in turn, and write docs/benchmarks.md and .json.

A run of all benchmarks takes 20 minutes to an hour, needs 40 GB of disk for the largest log, and
writes the documents. A run of some of them, or a quick one, prints the tables only; `--output`
writes the documents of any run into a folder.
"""

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

from tests.benchmarks.document import PartResult, write_documents
from tests.benchmarks.report import RunSize, as_text, number
from tests.benchmarks.run_benchmark import description_of, run_apart

DOCS = Path(__file__).parents[2] / "docs"
BENCHMARKS = (
    "append",
    "read_log",
    "catch_up",
    "reads",
    "sync_ordinary_students",
    "sync_large_student",
    "incremental_sync",
    "live_messages",
    "idle_service",
    "growth",
    "overload",
    "database_writes",
)
EXAMPLE = "example: python -m tests.benchmarks append reads --quick --output /tmp/benchmarks"


def main(arguments: list[str]) -> int:
    """Run the named benchmarks, or all; return 1 if one of them could not be run."""
    options = _parse(arguments)
    names = options.names or list(BENCHMARKS)
    size = RunSize(quick=options.quick, growth_events=options.growth)
    results = []
    for nth, name in enumerate(names, 1):
        print(f"\n[{nth}/{len(names)}] {name}: {description_of(name).splitlines()[0]}", flush=True)
        results.append(run_apart(name, size))
        _print_result(results[-1])
    folder = options.output or (DOCS if not options.names and not options.quick else None)
    if folder:
        paths = write_documents(folder, results, quick=options.quick)
        print("\nwritten:", *paths, sep="\n  ")
    return int(any(result.error for result in results))


def _print_result(result: PartResult) -> None:
    for table in result.report.tables:
        print(f"\n{as_text(table)}")
    for figure in result.report.figures:
        verdict = f", goal {figure.goal}{' MISSED' if figure.is_missed else ''}"
        goal = verdict if figure.goal else ""
        print(f"  {figure.name}: {number(figure.value)} {figure.unit}{goal}")
    for note in result.report.notes:
        print(f"  note: {note}")
    print(f"  {result.error or 'done'} ({result.seconds:.0f} s)", flush=True)


def _parse(arguments: list[str]) -> Namespace:
    summaries = [f"  {name:24}{description_of(name).splitlines()[0]}" for name in BENCHMARKS]
    parser = ArgumentParser(
        "python -m tests.benchmarks",
        description=__doc__,
        epilog="\n".join(["benchmarks:", *summaries, "", EXAMPLE]),
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks to run (default: all)")
    parser.add_argument("--quick", action="store_true", help="a small run of each")
    parser.add_argument(
        "--growth",
        type=int,
        default=RunSize().growth_events,
        metavar="EVENTS",
        help="the largest log of the benchmark growth (default: %(default)s)",
    )
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="write the documents there")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(
            f"unknown benchmark {', '.join(sorted(unknown))}; choose from {', '.join(BENCHMARKS)}"
        )
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
