"""Ways to lose the newest events: each keeps a state of the database, and goes back to it."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from infrastructure.postgres.embedded import postmaster
from infrastructure.postgres.embedded.binaries import find_binaries
from infrastructure.postgres.embedded.embedded_postgres import DATABASE_NAME, EmbeddedPostgres
from infrastructure.postgres.embedded.os_account import find_server_account
from tests.deadlines import scaled

GoBack = Callable[[], None]
"""Loses all events after the kept state."""
Keep = Callable[[EmbeddedPostgres], GoBack]
"""Keeps the state of the database of now."""

SERVER_TIMEOUT_SECONDS = scaled(30)


def keep_files(server: EmbeddedPostgres) -> GoBack:
    """Copy the data directory of the stopped server."""
    copy = server.home / "copy"
    with _stopped(server, signal.SIGINT):
        _run("cp", "-a", server.data, copy)

    def put_back() -> None:
        with _stopped(server, signal.SIGQUIT):
            _replace(server.data, copy)

    return put_back


def keep_replica(server: EmbeddedPostgres) -> GoBack:
    """Make a replica, which receives nothing more and is promoted at the address of the primary."""
    replica = server.home / "replica"
    replica.mkdir(mode=0o700)
    find_server_account().change_owner(replica)
    _run_as_server("pg_basebackup", "-D", replica, "-R", "-c", "fast", server=server)

    def promote() -> None:
        with _stopped(server, signal.SIGQUIT):
            _replace(server.data, replica)
        with psycopg.connect(server.admin_url, autocommit=True) as connection:
            connection.execute("SELECT pg_promote(TRUE, 60)")

    return promote


def keep_dump(server: EmbeddedPostgres) -> GoBack:
    """Dump the database; it is restored in one transaction while the processes run."""
    url, dump = _database_as_superuser(server), server.home / "dump.sql"
    dump.write_bytes(_run_as_server("pg_dump", url, server=server))
    dump.chmod(0o644)

    def restore() -> None:
        with psycopg.connect(url) as connection:
            names = [
                name
                for (name,) in connection.execute(
                    "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema|"
                    "public)' ORDER BY nspname"
                )
            ]
            drop = sql.SQL("DROP SCHEMA {} CASCADE").format(
                sql.SQL(", ").join(map(sql.Identifier, names))
            )
            statement = drop.as_string(connection)
        _run_as_server(
            "psql", "-1", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement, "-f", dump, url,
            server=server,
        )  # fmt: skip
        with psycopg.connect(url) as connection:
            # As the runbook has it: a restored copy is quiet until syncing is turned on.
            connection.execute(
                "UPDATE easeboard.syncing SET database = easeboard.database_identity()"
            )

    return restore


def keep_position(server: EmbeddedPostgres) -> GoBack:
    """Note the last position; the events after it are deleted, and the checkpoints set back."""
    url = _database_as_superuser(server)
    with psycopg.connect(url) as connection:
        ((position,),) = connection.execute("SELECT max(position) FROM easeboard.events").fetchall()

    def delete_newest() -> None:
        with psycopg.connect(url) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute("DELETE FROM easeboard.events WHERE position > %s", [position])
            connection.execute(
                "UPDATE easeboard.projections SET position = least(position, %s)", [position]
            )

    return delete_newest


FAILOVERS: dict[str, Keep] = {
    "file copy": keep_files,
    "promoted replica": keep_replica,
    "dump": keep_dump,
    "deleted events": keep_position,
}


@contextmanager
def _stopped(server: EmbeddedPostgres, signal_number: signal.Signals) -> Iterator[None]:
    """Stop the server while the block runs; afterwards its monitor has started it again."""
    with server._locks.start_stop_lock():
        running = postmaster.find(server.data)
        assert running
        os.kill(running.pid, signal_number)
        _wait_until(lambda: not postmaster.is_running(server.data))
        yield
    _wait_until(lambda: postmaster.find(server.data) is not None)


def _replace(data: Path, kept: Path) -> None:
    shutil.rmtree(data)
    kept.rename(data)


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SERVER_TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "The server does not get there."
        time.sleep(0.02)


def _database_as_superuser(server: EmbeddedPostgres) -> str:
    return make_conninfo(server.admin_url, dbname=DATABASE_NAME)


def _run_as_server(program: str, *arguments: str | Path, server: EmbeddedPostgres) -> bytes:
    """Run a program of PostgreSQL with the account of the server; returns its output."""
    account = find_server_account()
    binaries = find_binaries(server.home, account)
    connection = ["-d", server.admin_url] if program == "pg_basebackup" else []
    return _run(binaries / program, *connection, *arguments, **account.subprocess_user)


def _run(*command: str | Path, **options: object) -> bytes:
    arguments: Sequence[str] = [str(part) for part in command]
    done = subprocess.run(  # noqa: S603  # programs of PostgreSQL and cp, with our arguments
        arguments,
        check=False,
        capture_output=True,
        cwd="/",
        **options,  # type: ignore[call-overload]  # the account
    )
    assert done.returncode == 0, f"{arguments[0]} failed: {done.stderr.decode(errors='replace')}"
    return bytes(done.stdout)
