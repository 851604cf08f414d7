"""Prints the results of commands as tables or JSON, to a terminal or a file."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

NON_TERMINAL_COLUMNS = 140
"""Width of the output in characters if it does not go to a terminal."""

console = Console(
    highlight=False,
    soft_wrap=True,
    width=None if sys.stdout.isatty() else NON_TERMINAL_COLUMNS,
    emoji=False,
)


def print_json(document: Any) -> None:
    """Print a document as one line of JSON."""
    print(orjson.dumps(document, option=orjson.OPT_UTC_Z).decode(), flush=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table. Numbers are aligned right, and None is printed as a dash."""
    rows = list(rows)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, name in enumerate(columns):
        is_numeric = any(isinstance(row[index], int | float) for row in rows)
        table.add_column(name, justify="right" if is_numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    console.print(table, soft_wrap=False)


def _cell(value: Any) -> Text:
    if isinstance(value, Text):
        return value
    if isinstance(value, float):
        return Text(f"{value:,.10g}")
    if isinstance(value, int):
        return Text(f"{value:,}")
    return Text("—" if value is None else str(value))
