"""Defines the command `audit readings` with its options; `readings.py` executes it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from interfaces.cli.options import (
    EXAMPLE_ID,
    CommandGroup,
    JsonOption,
    PurposeOption,
    example,
    parse_time,
)

readings_app = CommandGroup()


@readings_app.command(
    "readings",
    epilog=example("easeboard audit readings --since 2026-09-01 --purpose 'yearly review'"),
)
def audit_readings(
    *,
    reader: Annotated[
        str | None,
        typer.Option(
            help=f"Print only readings of this reader: the id of a user, for example {EXAMPLE_ID}, "
            "or an account such as cli:ada."
        ),
    ] = None,
    connection: Annotated[
        UUID | None,
        typer.Option(
            help=f"Print only readings of this connection's history, for example {EXAMPLE_ID}."
        ),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            parser=parse_time,
            metavar="TIME",
            help="Print only readings at or after this time, for example 2026-09-01.",
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, help="Print at most so many readings, for example 1000.")
    ] = 100,
    purpose: PurposeOption = "",
    json: JsonOption = False,
) -> None:
    """Print who read the history of connections or a list of them, the newest reading first.

    This read is recorded too, with its purpose.
    """
    # Imported here, which keeps --help fast.
    from interfaces.cli.readings import ReadingSelection, show_readings  # noqa: PLC0415

    selection = ReadingSelection(reader=reader, connection_id=connection, since=since)
    show_readings(selection, limit=limit, purpose=purpose, json=json)
