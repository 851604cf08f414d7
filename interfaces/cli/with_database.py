"""`easeboard with-database`: runs a program of PostgreSQL with the address of our database.

libpq reads the address from the environment, so no shell has to parse `.env`, and no list of
processes shows the password.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from infrastructure.postgres.conninfo import build_conninfo
from infrastructure.postgres.database_address import open_database
from infrastructure.postgres.embedded.binaries import find_binaries
from infrastructure.postgres.embedded.os_account import find_server_account
from infrastructure.settings.settings import Settings
from interfaces.cli.errors import CommandFailed
from interfaces.cli.runtime import configure


def run_with_database(command: Sequence[str]) -> None:
    """Run a program whose environment names our database.

    Raises:
        CommandFailed: If the program cannot be started, or if it fails.
        PostgresUnavailable: If the embedded server cannot be started.
    """
    settings = configure()
    with open_database(settings) as url, _interrupts_left_to_the_program():
        # A service of the environment would take precedence over what follows.
        inherited = {name: value for name, value in os.environ.items() if name != "PGSERVICE"}
        environment = inherited | libpq_environment(url)
        search_path = os.pathsep.join(_program_directories(settings))
        program = shutil.which(command[0], path=search_path)
        if program is None:
            raise CommandFailed(
                f"{command[0]} is not installed; the package postgresql-client of your system has "
                "the programs of PostgreSQL."
            )
        completed = subprocess.run(  # noqa: S603  # the operator's own command
            [program, *command[1:]], env=environment | {"PATH": search_path}, check=False
        )
    if completed.returncode:
        raise CommandFailed(f"{command[0]} ended with exit code {completed.returncode}.")


def libpq_environment(url: str) -> dict[str, str]:
    """Return the variables from which libpq reads the parameters of a connection string."""
    parameters = conninfo_to_dict(build_conninfo(url, name="with-database"))
    return {
        option.envvar.decode(): str(parameters[keyword])
        for option in pq.Conninfo.get_defaults()
        if option.envvar and parameters.get(keyword := option.keyword.decode())
    }


def _program_directories(settings: Settings) -> Iterator[str]:
    """Yield where programs are found: the directory of the embedded server, then the PATH.

    pg_dump refuses a server that is newer than itself, as the embedded one often is.
    """
    if settings.embedded:
        yield str(find_binaries(settings.home, find_server_account()))
    yield os.environ.get("PATH", os.defpath)


@contextmanager
def _interrupts_left_to_the_program() -> Iterator[None]:
    """Ignore Ctrl-C, which the program in the foreground receives too: psql cancels a query."""
    previous = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
