"""A day of many connections on a virtual clock: `python -m tests.simulation --help`."""

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from time import perf_counter

from infrastructure.observability.logging import configure_logs
from tests.simulation.assumptions import Assumptions, told
from tests.simulation.report import HEADLINE, line, table
from tests.simulation.scanner import simulate

EXAMPLES = """examples:
  python -m tests.simulation                                 the day of docs/scaling.md
  python -m tests.simulation --connections 50000 --institutions 1 --lanes 16
  python -m tests.simulation --begins 17 --hours 5 --sweep workers 8 10 12 16
"""
SAY_EVERY = 2.0
"""Seconds between two words of progress, on standard error."""


def main(arguments: Sequence[str]) -> None:
    """Print what the day of these assumptions shows, or one line for each value of a sweep."""
    given = _parser().parse_args(arguments)
    configure_logs("error", "json")
    world = Assumptions(**{each.name: getattr(given, each.name) for each in fields(Assumptions)})
    if given.sweep:
        _sweep(world, *given.sweep)
    else:
        print("\n".join(table(simulate(world, _progress()))))


def _sweep(world: Assumptions, name: str, *values: str) -> None:
    kinds: dict[str, type] = {each.name: type(each.default) for each in fields(Assumptions)}
    if name not in kinds or not values:
        sys.exit(f"--sweep takes the name of an assumption, not {name}, and then its values.")
    print(f"{name}\n{HEADLINE}", flush=True)
    for value in values:
        found = simulate(replace(world, **{name: kinds[name](value)}), _progress())
        print(line(value, found), flush=True)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "python -m tests.simulation",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    for each in fields(Assumptions):
        flag = f"--{each.name.replace('_', '-')}"
        meant = f"{told()[each.name].replace('%', '%%')} ({each.default:g})"
        parser.add_argument(flag, type=type(each.default), default=each.default, help=meant)
    parser.add_argument(
        "--sweep", nargs="+", metavar=("NAME", "VALUE"), help="one line for each value of a flag"
    )
    return parser


def _progress() -> Callable[[float, int], None]:
    began = said = perf_counter()

    def tell(hours: float, runs: int) -> None:
        nonlocal said
        if perf_counter() - said > SAY_EVERY:
            said = perf_counter()
            done = f"{hours:6.2f} h  {runs:,} runs  {said - began:.0f} s"
            print(f"\r{done}", end="", file=sys.stderr, flush=True)

    return tell


if __name__ == "__main__":
    main(sys.argv[1:])
