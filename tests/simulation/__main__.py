"""Simulate a day of many connections on a virtual clock, and print what docs/scaling.md cites."""

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from time import perf_counter

from infrastructure.observability.logging import configure_logging
from tests.simulation.assumptions import Assumptions, descriptions
from tests.simulation.report import SWEEP_HEADER, format_sweep_line, format_table
from tests.simulation.scene_report import format_scene
from tests.simulation.simulate import simulate
from tests.simulation.simulated_scenes import Scene, play_host_away, play_tokens_revoked

SCENES: dict[str, Callable[[], Scene]] = {
    "hangs": lambda: play_host_away("hangs"),
    "refuses": lambda: play_host_away("refuses"),
    "revoked": play_tokens_revoked,
}
EXAMPLES = """examples:
  python -m tests.simulation                                 the day of docs/scaling.md
  python -m tests.simulation --connections 50000 --institutions 1 --lanes 16
  python -m tests.simulation --scene hangs                   a host hangs for 48 h
  python -m tests.simulation --start-hour 17 --hours 5 --sweep workers 8 10 12 16
"""
PROGRESS_INTERVAL_SECONDS = 2.0
"""Between two lines of progress on standard error."""


def main(arguments: Sequence[str]) -> None:
    """Simulate one day and print its results, or one line for each value of a sweep."""
    options = _parser().parse_args(arguments)
    configure_logging("error", "json")
    if options.scene:
        print("\n".join(format_scene(SCENES[options.scene]())))
        return
    assumptions = Assumptions(
        **{each.name: getattr(options, each.name) for each in fields(Assumptions)}
    )
    if options.sweep:
        _sweep(assumptions, *options.sweep)
    else:
        print("\n".join(format_table(simulate(assumptions, _progress()))))


def _sweep(assumptions: Assumptions, name: str, *values: str) -> None:
    types: dict[str, type] = {each.name: type(each.default) for each in fields(Assumptions)}
    if name not in types or not values:
        sys.exit(
            f"--sweep {name}: give an assumption and values for it, as in --sweep workers 8 12."
        )
    print(f"{name}\n{SWEEP_HEADER}", flush=True)
    for value in values:
        results = simulate(replace(assumptions, **{name: types[name](value)}), _progress())
        print(format_sweep_line(value, results), flush=True)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "python -m tests.simulation",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    for each in fields(Assumptions):
        flag = f"--{each.name.replace('_', '-')}"
        help_text = f"{descriptions()[each.name].replace('%', '%%')} (default: {each.default:,})"
        parser.add_argument(
            flag, type=type(each.default), default=each.default, metavar="N", help=help_text
        )
    parser.add_argument(
        "--scene",
        choices=SCENES,
        help="play a bad day of one host with 10,000 connections instead",
    )
    parser.add_argument(
        "--sweep",
        nargs="+",
        metavar=("NAME", "VALUE"),
        help="print one line for each value of this assumption",
    )
    return parser


def _progress() -> Callable[[float, int], None]:
    started = printed_at = perf_counter()

    def report_progress(hours: float, runs: int) -> None:
        nonlocal printed_at
        if perf_counter() - printed_at > PROGRESS_INTERVAL_SECONDS:
            printed_at = perf_counter()
            progress = f"{hours:6.2f} h  {runs:,} runs  {printed_at - started:.0f} s"
            print(f"\r{progress}", end="", file=sys.stderr, flush=True)

    return report_progress


if __name__ == "__main__":
    main(sys.argv[1:])
