"""The purpose and the reader of a command that shows somebody's history."""

import getpass
import sys
from uuid import UUID, uuid5

import typer

from domain.reading_purpose import PURPOSE_RULE, InvalidPurpose, parse_purpose

HINT = "--purpose"
ACCOUNTS = UUID("3797cc83-8dcc-4f8f-a33c-b5f868eb4595")
"""The namespace of the ids of accounts of operating systems, which never changes."""


def require_purpose(text: str | None) -> str:
    """Return the purpose that an option has; without one, a person at a terminal is asked once.

    Raises: BadParameter, which typer prints, if there is none or it is not valid.
    """
    if not (text and text.strip()) and sys.stdin.isatty() and sys.stderr.isatty():
        from interfaces.cli.output import read_line  # noqa: PLC0415  # keeps --help fast

        text = read_line("Purpose of this reading, which is recorded:")
    try:
        purpose = parse_purpose(text or "")
    except InvalidPurpose as error:
        raise typer.BadParameter(f"it {error}.", param_hint=HINT) from None
    if purpose is None:
        raise typer.BadParameter(
            f"write why you read this, {PURPOSE_RULE}: it is recorded with the reading.",
            param_hint=HINT,
        )
    return purpose


def cli_reader() -> str:
    """Return who reads, as it is recorded: the account of the operating system."""
    return f"cli:{getpass.getuser()}"


def cli_reader_id() -> UUID:
    """Return the id of this reader, in whose stream the lists that they read are recorded."""
    return uuid5(ACCOUNTS, cli_reader())
