"""What a benchmark returns: figures with their goals, tables, charts and notes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Goal(NamedTuple):
    """The bound that a figure has to reach."""

    bound: float
    at_most: bool = False
    """Whether smaller figures are better."""

    def is_met(self, value: float) -> bool:
        """Whether a figure reaches the bound."""
        return value <= self.bound if self.at_most else value >= self.bound

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {number(self.bound)}"


class Figure(NamedTuple):
    """One measured number."""

    name: str
    value: float
    unit: str
    goal: Goal | None = None

    @property
    def is_missed(self) -> bool:
        """Whether the figure has a goal and does not reach it."""
        return self.goal is not None and not self.goal.is_met(self.value)

    @property
    def distance(self) -> float:
        """How many times worse than the goal the figure is; less than 1 if it is better."""
        if self.goal is None or not self.value or not self.goal.bound:
            return 0.0
        ratio = self.value / self.goal.bound
        return ratio if self.goal.at_most else 1 / ratio


class Table(NamedTuple):
    """Rows of text below a caption."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass
class Report:
    """The result of one benchmark."""

    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    charts: dict[str, str] = field(default_factory=dict)
    """SVG documents by file name."""


class RunSize(NamedTuple):
    """How much a benchmark measures."""

    quick: bool = False
    growth_events: int = 10_000_000
    """The largest log of the benchmark `growth`."""

    def choose(self, usual: int, quick: int) -> int:
        """Return the first number, or the second one in a quick run."""
        return quick if self.quick else usual


def number(value: float) -> str:
    """Format a number with about three significant digits."""
    for least, decimals in ((100, 0), (10, 1), (0.1, 2)):
        if abs(value) >= least:
            return f"{value:,.{decimals}f}"
    return f"{value:.3f}" if value else "0"


def as_text(table: Table) -> str:
    """Lay a table out for a terminal."""
    lines = [list(table.columns), *map(list, table.rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    laid_out = [
        "  ".join(
            cell.ljust(width) if nth == 0 else cell.rjust(width)
            for nth, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join([table.caption, *laid_out])


def as_markdown(table: Table) -> str:
    """Write a table in Markdown."""
    head = f"| {' | '.join(table.columns)} |"
    rule = f"| --- |{' ---: |' * (len(table.columns) - 1)}"
    rows = [f"| {' | '.join(row)} |" for row in table.rows]
    return "\n".join([f"**{table.caption}**", "", head, rule, *rows])
