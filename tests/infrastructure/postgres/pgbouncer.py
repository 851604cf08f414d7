"""A PgBouncer of the Debian package in front of a temporary server."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from tests.deadlines import scaled

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
START_TIMEOUT_SECONDS = scaled(20)


def require_pgbouncer() -> str:
    """Return the path of PgBouncer; fails with the name of its package if it is missing."""
    assert PGBOUNCER, "PgBouncer is missing: apt-get install pgbouncer"
    return PGBOUNCER


@contextmanager
def running_pgbouncer(
    server_url: str, *, pool_mode: str, pool_size: int = 20, **settings: str
) -> Iterator[str]:
    """Run PgBouncer with its defaults but for the pool, and yield the URL of a database in it.

    The URL has the user and the database of `server_url`.
    """
    program = require_pgbouncer()
    server = conninfo_to_dict(server_url)
    folder = Path(tempfile.mkdtemp(prefix="easeboard-pgbouncer-"))
    port = _free_port()
    configuration = folder / "pgbouncer.ini"
    options = {
        "listen_addr": "127.0.0.1",
        "listen_port": str(port),
        "auth_type": "any",
        "pool_mode": pool_mode,
        "default_pool_size": str(pool_size),
        "unix_socket_dir": "",
        "logfile": str(folder / "log"),
        **settings,
    }
    lines = [f"{name} = {value}" for name, value in options.items()]
    target = f"* = host={server['host']} port={server.get('port', 5432)} user={server['user']}"
    configuration.write_text("\n".join(["[databases]", target, "[pgbouncer]", *lines, ""]))
    prefix = _as_server_user(folder)
    with subprocess.Popen([*prefix, program, "-q", configuration]) as process:  # noqa: S603  # a program of Debian
        url = f"postgresql://{server['user']}@127.0.0.1:{port}/{server['dbname']}"
        try:
            _wait_until_open(port)
            yield url
        finally:
            process.terminate()
    shutil.rmtree(folder)


def _as_server_user(folder: Path) -> list[str]:
    """Return what starts a program as the user postgres, which may use the folder, from root."""
    if os.geteuid() != 0:
        return []
    owner = pwd.getpwnam("postgres").pw_uid
    for path in (folder, *folder.iterdir()):
        os.chown(path, owner, -1)
    return ["setpriv", "--reuid=postgres", "--clear-groups"]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait_until_open(port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < deadline, "PgBouncer does not listen."
            time.sleep(0.05)
        else:
            return


def ask_server(url: str, statement: str) -> object:
    """Return the only value of a statement on a connection of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(statement.encode()).fetchone()
    return row[0] if row else None
