"""Run benchmarks, one after another. They print ratios to other programs on the same machine."""

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter

from tests.benchmarks import (
    append,
    catch_up,
    database_writes,
    incremental_sync,
    live_messages,
    overload,
    read_log,
    sync_large_student,
    sync_ordinary_students,
)

BENCHMARKS = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        append,
        read_log,
        catch_up,
        sync_large_student,
        incremental_sync,
        sync_ordinary_students,
        live_messages,
        overload,
        database_writes,
    )
}
QUICK = "quick"


def main(arguments: list[str]) -> None:
    """Run the named benchmarks, or all; with the argument `quick`, a small version of each."""
    parser = _parser()
    words = parser.parse_args(arguments).names
    names = [word for word in words if word != QUICK] or list(BENCHMARKS)
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(
            f"unknown benchmark {', '.join(sorted(unknown))}; choose from {', '.join(BENCHMARKS)}"
        )
    for name in names:
        print(f"\n{name}", flush=True)
        BENCHMARKS[name].main(quick=QUICK in words)


def _parser() -> ArgumentParser:
    summaries = [
        f"  {name:24}{(module.__doc__ or '').splitlines()[0]}"
        for name, module in BENCHMARKS.items()
    ]
    parser = ArgumentParser(
        "python -m tests.benchmarks",
        description=__doc__,
        epilog="\n".join(["benchmarks:", *summaries]),
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"benchmarks to run (default: all); '{QUICK}' runs a small version of each",
    )
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
