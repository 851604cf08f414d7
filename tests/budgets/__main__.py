"""Measure the CPU time of frequent work, and compare it with the budgets.

Exits with 1 if something costs more than 1.7 times its budget. `--update` writes the budgets anew,
after a change that is meant to cost more or less; the commit says why.
"""

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Mapping
from math import inf

from tests.budgets.budget import exceeded, load_budgets, measure_within, write_budgets
from tests.budgets.log_work import open_log_work
from tests.budgets.read_work import open_read_work
from tests.budgets.sync_work import open_sync_work


def measure_all(budgets: Mapping[str, float]) -> dict[str, float]:
    """Measure everything that has a budget, in microseconds of the reference machine."""
    measured = {}
    for open_work in (open_log_work, open_read_work, open_sync_work):
        with open_work() as work:
            for name, measure in work.items():
                measured[name] = measure_within(measure, budgets.get(name, inf))
    return measured


def main(arguments: list[str]) -> int:
    """Measure, print a table, and return the exit code."""
    parser = ArgumentParser(
        "python -m tests.budgets",
        description=__doc__,
        epilog="example: python -m tests.budgets --update",
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--update", action="store_true", help="write budgets.toml")
    is_update = parser.parse_args(arguments).update
    measured = measure_all({} if is_update else load_budgets())
    budgets = measured if is_update else load_budgets()
    print(f"{'CPU microseconds':40}{'measured':>12}{'budget':>12}{'ratio':>8}")
    for name, microseconds in measured.items():
        budget = budgets.get(name)
        known = f"{budget:12,.0f}{microseconds / budget:8.2f}" if budget else "     no budget"
        print(f"{name:40}{microseconds:12,.0f}{known}")
    if is_update:
        write_budgets(measured)
        return 0
    if missing := budgets.keys() ^ measured.keys():
        print(f"Run with --update: the budgets and the work differ in {sorted(missing)}.")
        return 1
    too_much = exceeded(measured, budgets)
    for name, ratio in too_much.items():
        print(f"{name} costs {ratio:.2f} × its budget.")
    return int(bool(too_much))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
