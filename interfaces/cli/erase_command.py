"""`easeboard erase`: erases everything of one person."""

import getpass
import sys
from typing import Any
from uuid import UUID

import typer

from application.erase_person import ErasePerson
from application.event_metadata import with_event_metadata
from interfaces.cli.output import is_terminal, print_json, print_line
from interfaces.cli.runtime import configure, run
from interfaces.composition.bootstrap import bootstrap

QUESTION = (
    "This erases everything of the user {user} for good; no backup brings it back. Erase them?"
)


def erase(user_id: UUID, *, delete_auth_user: bool, yes: bool, json: bool) -> None:
    """Erase a person, after a question if a terminal is used, and print what was done.

    Raises:
        AuthUserNotDeletable: If the user at Supabase should be deleted, and no key for it is set.
        Abort: If the answer is no; typer then exits with 1.
    """
    if not yes and sys.stdin.isatty() and is_terminal():
        typer.confirm(QUESTION.format(user=user_id), abort=True, err=True)
    done = run(_erase(ErasePerson(person_id=user_id, delete_auth_user=delete_auth_user)))
    if json:
        print_json(done)
        return
    print_line(f"Everything of the user {user_id} is erased.")
    if done["auth_user"] == "deleted":
        print_line("The user at Supabase is deleted.")
    elif done["auth_user"] == "waiting":
        print_line(
            f"The user at Supabase is not deleted yet ({done['auth_error']}): a running service "
            "tries again, and easeboard doctor shows whether it succeeded."
        )


async def _erase(command: ErasePerson) -> dict[str, Any]:
    error, auth_user = None, "kept"
    async with bootstrap(configure()) as process:
        with with_event_metadata(f"cli:{getpass.getuser()}"):
            await process.erasure.erase(command)
        if command.delete_auth_user:
            error = await process.erasure.delete_auth_user(command.person_id)
            auth_user = "waiting" if error else "deleted"
    return {
        "user_id": str(command.person_id),
        "erased": True,
        "auth_user": auth_user,
        "auth_error": error,
    }
