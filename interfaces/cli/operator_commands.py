"""Defines commands for operators with their options; a module for each one executes it."""

# ruff: noqa: PLC0415  # a command imports its module when it runs, which keeps --help fast

from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer

from interfaces.cli.options import (
    EXAMPLE_ID,
    CommandGroup,
    JsonOption,
    example,
    require_user_id,
)

operator_app = CommandGroup()


class SyncingAction(StrEnum):
    """What `easeboard syncing` does."""

    show = "show"
    on = "on"
    off = "off"


@operator_app.command(epilog=example("easeboard status --json"))
def status(*, json: JsonOption = False) -> None:
    """Show what is wrong, worst first, and what is due in the next 24 hours.

    Each finding has its reason, since when it is so, what to do, and the paragraph of
    docs/operations.md that explains it. The exit code is 0 whatever is found: easeboard doctor
    exits with 1.
    """
    from interfaces.cli.status import show_status

    show_status(json=json)


@operator_app.command(epilog=example("easeboard syncing on"))
def syncing(
    *,
    action: Annotated[
        SyncingAction,
        typer.Argument(
            help="What to do: show the state, or turn syncing on or off, for example on."
        ),
    ] = SyncingAction.show,
    json: JsonOption = False,
) -> None:
    """Show whether this database may contact Canvas, or turn that on or off.

    A restored copy contacts no Canvas until it is turned on there. Every process notices the
    change within 2 seconds.
    """
    from interfaces.cli.syncing_command import run_syncing

    run_syncing(action.value, json=json)


@operator_app.command(epilog=example(f"easeboard listen --user {EXAMPLE_ID}"))
def listen(
    *,
    url: Annotated[
        str | None,
        typer.Option(
            show_default=False,
            help="Address of the service, for example http://127.0.0.1:8000, which is the default.",
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            show_default=False,
            help="Bearer token of the user, for example eyJhbGciOi…",
        ),
    ] = None,
    user: Annotated[
        UUID | None,
        typer.Option(
            callback=require_user_id,
            show_default=False,
            help=f"Id of the user for whom a development token is signed, for example {EXAMPLE_ID}",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Print the live messages of a user as they pass, until Ctrl-C.

    A user is given by --token or --user. When the connection ends, it is opened again.
    """
    from interfaces.cli.listen import run_listen

    run_listen(url=url, token=token, user=user, json=json)


@operator_app.command(epilog=example(f"easeboard erase --user {EXAMPLE_ID} --yes"))
def erase(
    *,
    user: Annotated[
        UUID,
        typer.Option(callback=require_user_id, help=f"Id of the user, for example {EXAMPLE_ID}."),
    ],
    delete_auth_user: Annotated[
        bool,
        typer.Option(
            "--delete-auth-user",
            help="Delete the user at Supabase too; this needs SUPABASE_SERVICE_KEY.",
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask; a program that is no terminal is not asked.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Erase everything of one person for good.

    The key of the person is destroyed, so that nobody can read their history any more; everything
    outside the event log is deleted. What stays is described in docs/erasure.md.
    """
    from interfaces.cli import erase_command

    erase_command.erase(user, delete_auth_user=delete_auth_user, yes=yes, json=json)


@operator_app.command(
    "with-database",
    epilog=example("easeboard with-database pg_dump --format=custom --file=easeboard.dump"),
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
def with_database(
    *,
    command: Annotated[
        list[str],
        typer.Argument(
            metavar="COMMAND…",
            show_default=False,
            help="The program and its arguments, for example pg_dump --file=easeboard.sql.",
        ),
    ],
) -> None:
    """Run a program of PostgreSQL on the database that easeboard uses.

    The address of DATABASE_URL, from the environment or .env, is in the variables PGHOST,
    PGDATABASE, PGPASSWORD and so on, which every program of PostgreSQL reads.
    """
    from interfaces.cli.with_database import run_with_database

    run_with_database(command)
