"""Prints everything that a command prints: the only module that writes to a terminal or a file.

Names come from Canvas and messages from elsewhere, so every text goes through `visible_text`: it
cannot move the cursor, change colours or hide anything. The styles are only ours.
"""

import sys
import traceback
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from infrastructure.observability.redaction import redact_text
from infrastructure.observability.visible_text import visible_json, visible_lines, visible_text

ProgressBars = Progress
BarId = TaskID

NON_TERMINAL_COLUMNS = 140
"""Width of the output in characters if it does not go to a terminal."""

WRAPPED_COLUMNS = 80
"""Width of texts of several lines if the output does not go to a terminal."""
MIN_WRAPPED_COLUMNS = 20
MIN_TABLE_COLUMNS = 60
"""Width of a terminal below which a table would break words: each field then has its own line."""

_console = Console(
    highlight=False,
    soft_wrap=True,
    width=None if sys.stdout.isatty() else NON_TERMINAL_COLUMNS,
    emoji=False,
    markup=False,
)


class Styled:
    """A cell of a table in a colour of the terminal."""

    def __init__(self, text: str, style: str) -> None:
        self.text = text
        self.style = style


class TextColumn(ProgressColumn):
    """The column of a progress bar with a text of the task: its description, or a field of it."""

    def __init__(self, field: str | None = None) -> None:
        super().__init__()
        self._field = field

    def render(self, task: Task) -> Text:
        """Return the text of the column."""
        return Text(visible_text(task.fields[self._field] if self._field else task.description))


class RateColumn(ProgressColumn):
    """The column of a progress bar with what is done per second."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        """Return the text of the column."""
        return Text(f"{task.speed:,.0f} {self._unit}/s" if task.speed else "")


def show_cursor() -> None:
    """Show the cursor of the terminal, which progress bars hide."""
    _console.show_cursor()


def is_terminal() -> bool:
    """Whether the output goes to a terminal, so that progress bars can be drawn."""
    return _console.is_terminal


def print_json(document: Any) -> None:
    """Print a document as one line of JSON."""
    print(visible_json(_dump(document)), flush=True)


def print_line(text: str = "") -> None:
    """Print one line; what a terminal does not draw in it becomes visible."""
    _console.print(Text(visible_text(text)))


def print_wrapped(text: str, first: str = "", *, hanging: str | None = None) -> None:
    """Print a text over as many lines as it needs: `first` begins the first, `hanging` the others.

    Without `hanging` the others begin as the first one. A line has at most 80 columns if the output
    goes to no terminal.
    """
    width = _console.width if is_terminal() else WRAPPED_COLUMNS
    room = max(width - max(len(first), len(hanging or "")), MIN_WRAPPED_COLUMNS)
    lines = Text(visible_text(text)).wrap(_console, room)
    for nth, line in enumerate(lines):
        line.rstrip()
        begin = first if nth == 0 or hanging is None else hanging
        _console.print(Text(visible_text(begin)) + line)


def print_heading(text: str) -> None:
    """Print an empty line and a line in bold."""
    _console.print(Text("\n" + visible_text(text), "bold"))


def print_error(text: str) -> None:
    """Print one line to standard error."""
    print(visible_text(text), file=sys.stderr)


def read_line(question: str) -> str:
    """Print a question to standard error, and return the line that a person enters."""
    print(visible_text(question), end=" ", file=sys.stderr, flush=True)
    return sys.stdin.readline()


def print_traceback(error: BaseException) -> None:
    """Print the traceback of an error to standard error."""
    lines = "".join(traceback.format_exception(error)).splitlines()
    # Each line alone: a long text would be cut.
    redacted = "\n".join(redact_text(line) for line in lines)
    print(visible_lines(redacted), file=sys.stderr)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table. Numbers are aligned right, and None is printed as a dash.

    A narrow terminal gets a line for each field, and an empty line between the rows.
    """
    rows = list(rows)
    if is_terminal() and _console.width < MIN_TABLE_COLUMNS:
        _print_fields(columns, rows)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, name in enumerate(columns):
        is_numeric = any(isinstance(row[index], int | float) for row in rows)
        table.add_column(name, justify="right" if is_numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    _console.print(table, soft_wrap=False)


def _print_fields(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    for number, row in enumerate(rows):
        if number:
            print_line()
        for name, value in zip(columns, row, strict=True):
            _console.print(Text(f"{visible_text(name)}: ") + _cell(value), soft_wrap=False)


def progress_of_rebuilds(*, show: bool) -> ProgressBars:
    """Create the progress bars of rebuilds, which are drawn only on a terminal."""
    return _progress_with_rate("events", show=show)


def progress_of_key_rotation(*, show: bool) -> ProgressBars:
    """Create the progress bar of a key rotation, which is drawn only on a terminal."""
    return _progress_with_rate("records", show=show)


def progress_of_events(*, show: bool) -> ProgressBars:
    """Create the progress bar of an export or a verification, which only a terminal shows."""
    return _progress_with_rate("events", show=show)


def progress_of_bytes(*, show: bool) -> ProgressBars:
    """Create the progress bar of a file that is read, which only a terminal shows."""
    return _progress_with_rate("bytes", show=show)


def _progress_with_rate(unit: str, *, show: bool) -> ProgressBars:
    return Progress(
        TextColumn(),
        BarColumn(),
        RateColumn(unit),
        TimeRemainingColumn(),
        console=_console,
        disable=not (show and is_terminal()),
    )


def progress_of_courses() -> ProgressBars:
    """Create the progress bars of a sync; each has a field `detail`."""
    return Progress(
        SpinnerColumn(finished_text="✓"),
        TextColumn(),
        BarColumn(bar_width=24),
        TextColumn("detail"),
        console=_console,
        transient=False,
        disable=not is_terminal(),
    )


def _cell(value: Any) -> Text:
    match value:
        case Styled():
            return Text(visible_text(value.text), value.style)
        case float():
            return Text(f"{value:,.10g}")
        case int():
            return Text(f"{value:,}")
        case None:
            return Text("—")
        case _:
            return Text(visible_text(str(value)))


def _dump(document: Any) -> str:
    try:
        return orjson.dumps(document, option=orjson.OPT_UTC_Z).decode()
    except orjson.JSONEncodeError:
        # Text of the environment that is not UTF-8: orjson refuses its surrogates.
        return orjson.dumps(_without_surrogates(document), option=orjson.OPT_UTC_Z).decode()


def _without_surrogates(value: Any) -> Any:
    match value:
        case str():
            return visible_text(value)
        case dict():
            return {
                _without_surrogates(key): _without_surrogates(each) for key, each in value.items()
            }
        case list() | tuple():
            return [_without_surrogates(each) for each in value]
        case _:
            return value
