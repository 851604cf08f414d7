"""A temporary PostgreSQL 15 from the Debian package, if it is installed."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from tests.server_folders import SERVER_SETTINGS, new_server_folder

BINARIES_DIRECTORY = Path("/usr/lib/postgresql/15/bin")


@contextmanager
def postgres15_url(**settings: str) -> Iterator[str | None]:
    """Yield the URL of the database `postgres` of a new server, as superuser; None without it."""
    if not BINARIES_DIRECTORY.exists():
        yield None
        return
    folder = _new_folder()
    data = folder / "data"
    _run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
    _start(folder, **settings)
    try:
        yield _url_of(folder)
    finally:
        _stop(folder)
        shutil.rmtree(folder)


class Standby(NamedTuple):
    """A server that follows the one at `primary`; both are folders with a socket."""

    folder: Path
    primary: Path

    def stop_primary(self) -> None:
        """Stop the server that this one follows."""
        _stop(self.primary)

    def promote(self) -> None:
        """Make this server a primary."""
        _run("pg_ctl", "-w", "-D", self.folder / "data", "promote")

    def has_table(self, name: str) -> bool:
        """Whether a table has arrived at this server."""
        with psycopg.connect(_url_of(self.folder)) as connection:
            row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [name]).fetchone()
        return row == (True,)


@contextmanager
def running_standby(primary_url: str) -> Iterator[Standby]:
    """Run a standby of a server of `postgres15_url` during the block."""
    folder = _new_folder()
    _run("pg_basebackup", "-D", folder / "data", "-R", "-c", "fast", "-d", primary_url)
    _start(folder, hot_standby="on")
    try:
        yield Standby(folder, Path(str(conninfo_to_dict(primary_url)["host"])))
    finally:
        _stop(folder)
        shutil.rmtree(folder)


def _new_folder() -> Path:
    folder = new_server_folder()
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
    return folder


def _url_of(folder: Path) -> str:
    return f"postgresql://postgres@/postgres?host={quote(str(folder), safe='')}&port=5432"


def _start(folder: Path, **settings: str) -> None:
    options = {"listen_addresses": "", "unix_socket_directories": str(folder)}
    options |= {**SERVER_SETTINGS, **settings}
    arguments = " ".join(f"-c {name}='{value}'" for name, value in options.items())
    _run("pg_ctl", "-w", "-D", folder / "data", "-l", folder / "log", "-o", arguments, "start")


def _stop(folder: Path) -> None:
    """Stop a server, unless it is stopped already."""
    if (folder / "data" / "postmaster.pid").exists():
        _run("pg_ctl", "-w", "-D", folder / "data", "-m", "immediate", "stop")


def _run(program: str, *arguments: str | Path) -> None:
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    command = [*prefix, str(BINARIES_DIRECTORY / program), *map(str, arguments)]
    subprocess.run(  # noqa: S603 - a program of Debian
        command, check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
