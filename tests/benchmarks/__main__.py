"""`make bench`: every benchmark with its peers, one after the other; `quick` for small ones."""

import sys

from tests.benchmarks import (
    append,
    catch_up,
    incremental,
    live,
    ordinary_students,
    overload,
    read_back,
    sync_large_student,
    writes,
)

BENCHMARKS = {
    "append": append.main,
    "read_back": read_back.main,
    "catch_up": catch_up.main,
    "sync_large_student": sync_large_student.main,
    "incremental": incremental.main,
    "ordinary_students": ordinary_students.main,
    "live": live.main,
    "overload": overload.main,
    "writes": writes.main,
}


def main(arguments: list[str]) -> None:
    """Run the benchmarks named, or all."""
    quick = "quick" in arguments
    named = [name for name in arguments if name != "quick"] or list(BENCHMARKS)
    unknown = set(named) - set(BENCHMARKS)
    if unknown:
        sys.exit(f"No benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}.")
    for name in named:
        print(f"\n{name}", flush=True)
        BENCHMARKS[name](quick=quick)


if __name__ == "__main__":
    main(sys.argv[1:])
