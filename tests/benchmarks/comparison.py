"""The table that compares the rate and the processor time of easeboard with those of others."""

from collections.abc import Mapping

from tests.benchmarks.report import Table, number
from tests.benchmarks.rounds import Costs

COLUMNS = ["", "events/s", "easeboard is ×", "CPU µs", "PostgreSQL µs", "CPU ÷ easeboard's"]


def comparison(caption: str, costs: Mapping[str, Costs], own: Costs) -> Table:
    """Return a row for each contender by name; `own` are the costs of easeboard."""
    rows = [
        [
            name,
            number(each.rate),
            number(own.rate / each.rate),
            number(each.cpu),
            number(each.database),
            number(each.all_cpu / own.all_cpu),
        ]
        for name, each in costs.items()
    ]
    return Table(caption, COLUMNS, rows)
