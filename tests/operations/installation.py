"""An installation as an operator has it: a directory with a `.env`, and a PostgreSQL of Debian."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tests.deadlines import scaled
from tests.infrastructure.postgres.debian_server import BINARIES_DIRECTORY

COMMAND_TIMEOUT_SECONDS = scaled(60)
ROLE = "operator's role"
PASSWORD = """p@ss/w%rd: $HOME `id` "quoted" 'quoted' #1 \\"""
DATABASE_NUMBERS = count(1)


class Installation:
    """A directory with a `.env`, and the processes that were started in it."""

    def __init__(self, directory: Path, server_url: str) -> None:
        self.directory = directory
        self._server_url = server_url
        self._processes: list[subprocess.Popen[bytes]] = []
        self.settings = {
            "CANVAS_ENCRYPTION_KEY": f"hex:{secrets.token_hex(32)}",
            "SUPABASE_JWT_SECRET": secrets.token_hex(32),
            "LOG_FORMAT": "json",
            "CANVAS_ALLOWED_HOSTS": "127.0.0.1",
        }

    def use_new_database(self, **settings: str) -> None:
        """Create an empty database, and write a `.env` with its address and these settings."""
        name = f"easeboard {next(DATABASE_NUMBERS)}"
        with psycopg.connect(self._server_url, autocommit=True) as admin:
            exists = admin.execute("SELECT FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone()
            if exists is None:
                admin.execute(
                    sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                        sql.Identifier(ROLE), sql.Literal(PASSWORD)
                    )
                )
            admin.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    sql.Identifier(name), sql.Identifier(ROLE)
                )
            )
            row = admin.execute("SHOW unix_socket_directories").fetchone()
        assert row
        address = f"{quote(ROLE)}:{quote(PASSWORD, safe='')}@/{quote(name)}?host={quote(row[0])}"
        self.settings |= {"DATABASE_URL": f"postgresql://{address}", **settings}
        lines = [f"{key}={value}\n" for key, value in self.settings.items()]
        (self.directory / ".env").write_text("".join(lines))

    @contextmanager
    def paused_database(self) -> Iterator[None]:
        """Refuse and end all sessions in the database until the block ends."""
        url = self.settings["DATABASE_URL"]
        name = conninfo_to_dict(url)["dbname"]
        with psycopg.connect(self._server_url, autocommit=True) as admin:
            alter = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
            admin.execute(alter.format(sql.Identifier(str(name)), sql.SQL("false")))
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            yield
            admin.execute(alter.format(sql.Identifier(str(name)), sql.SQL("true")))

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a new shell: nothing of easeboard is in it."""
        directories = [Path(sys.executable).parent, BINARIES_DIRECTORY, "/usr/bin", "/bin"]
        return {
            "PATH": os.pathsep.join(map(str, directories)),
            "HOME": str(self.directory),
            # What the shell of an operator may have for another database:
            "PGHOST": "other.invalid",
            "PGDATABASE": "other",
        }

    def run(self, script: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Execute a script in a shell that stops at the first failure."""
        result = subprocess.run(  # noqa: S603  # commands of our own documents
            ["/bin/bash", "-euc", script],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_SECONDS,
            check=False,
        )
        assert result.returncode == 0 or not check, f"{script}\n{result.stdout}\n{result.stderr}"
        return result

    def serve(self, command: str = "easeboard serve --port 0") -> str:
        """Start a process of the service, wait until it serves, and return its URL."""
        log = self.directory / f"serve-{len(self._processes)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603  # as above
                ["/bin/bash", "-euc", f"exec {command}"],
                cwd=self.directory,
                env=self.environment,
                stdout=output,
                stderr=output,
            )
        self._processes.append(process)
        deadline = time.monotonic() + COMMAND_TIMEOUT_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            for message in log_messages(log):
                if message["event"] == "serving":
                    return str(message["url"])
            time.sleep(0.05)
        raise AssertionError(f"{command} does not serve:\n{log.read_text()}")

    def stop_all(self) -> None:
        """Stop every process that was started here, in order."""
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._processes:
            assert process.wait(COMMAND_TIMEOUT_SECONDS) == 0

    @property
    def newest_log(self) -> Path:
        """The log of the process that was started last."""
        return self.directory / f"serve-{len(self._processes) - 1}.log"


@contextmanager
def new_installation(server_url: str) -> Iterator[Installation]:
    """Create an installation, and stop its processes at the end."""
    directory = Path(tempfile.mkdtemp(prefix="easeboard-operations-")).resolve()
    installation = Installation(directory, server_url)
    try:
        yield installation
    finally:
        installation.stop_all()
        shutil.rmtree(directory)


def free_port() -> int:
    """Return a TCP port that no process listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def log_messages(log: Path) -> list[dict[str, Any]]:
    """Return the complete log messages of a file."""
    lines = log.read_text("utf-8").rpartition("\n")[0].splitlines()
    return [orjson.loads(line) for line in lines if line.startswith("{")]
