"""Options and help texts that several commands share."""

from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Annotated
from uuid import UUID

import typer

from domain.person_id import InvalidPersonId, require_person_id
from interfaces.cli.demo_option import DemoOptionGroup
from interfaces.cli.purpose import require_purpose
from interfaces.requested_time import TimeOutOfRange, require_time_in_range

EXAMPLE_ID = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"

CommandGroup = partial(
    typer.Typer,
    cls=DemoOptionGroup,
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
)

PortOption = Annotated[
    int,
    typer.Option(
        min=0, max=65535, help="TCP port to listen on, for example 8080; 0 selects a free port."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
PurposeOption = Annotated[
    str,
    typer.Option(
        "--purpose",
        metavar="TEXT",
        callback=require_purpose,
        show_default=False,
        help='Why you read this, for example "complaint 4711"; it is recorded.',
    ),
]
"""Has the default "", for which a person at a terminal is asked; a command gets it valid."""


class Role(StrEnum):
    """The role of the user of a token: it decides which routes of the API the token can use."""

    student = "student"
    auditor = "auditor"
    admin = "admin"


def example(command: str) -> str:
    """Return the end of a help text: an example, whose lines click does not wrap."""
    return f"\b\nExample:\n  {command}"


def parse_time(text: str) -> datetime:
    """Parse a date or a time of RFC 3339; without an offset it is UTC.

    Raises: BadParameter, which typer prints, if it is neither, or out of range.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a time of RFC 3339; write it like 2026-09-01T12:00:00Z."
        ) from None
    try:
        return require_time_in_range(time if time.tzinfo else time.replace(tzinfo=UTC))
    except TimeOutOfRange as error:
        raise typer.BadParameter(f"the time {error}.") from None


def require_user_id(user_id: UUID | None) -> UUID | None:
    """Return the id of a user that an option has.

    Raises: BadParameter, which typer prints, if it is the nil UUID.
    """
    try:
        return user_id and require_person_id(user_id)
    except InvalidPersonId as error:
        raise typer.BadParameter(f"it {error}.") from None
