"""Finds, starts and stops a PostgreSQL server."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple
from urllib.parse import quote

import psutil

from infrastructure.postgres.embedded.os_account import OsAccount
from infrastructure.postgres.errors import PostgresUnavailable

# The server inherits no other variables, because ours contain secrets.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_SERVER_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": "5432",
    # Unused slots need little memory, and any number of processes may share the server.
    "max_connections": "200",
    "log_checkpoints": "off",
}
# The process that started a server is its parent, and must wait for it when it ends.
_child_processes: dict[Path, "subprocess.Popen[bytes]"] = {}
_MAX_LOG_BYTES = 8_000_000
_POLL_SECONDS = 0.01
_REAP_TIMEOUT_SECONDS = 5


class Postmaster(NamedTuple):
    """A server that accepts connections on a Unix socket."""

    pid: int
    socket_directory: str
    port: str

    def url(self, user: str, database: str) -> str:
        """Return the URL of one of its databases."""
        host = quote(self.socket_directory, safe="")
        return f"postgresql://{user}@/{database}?host={host}&port={self.port}"


def find(data: Path) -> Postmaster | None:
    """Return the server of a data directory; None if none runs or it is not ready yet."""
    match _read_pid_file(data):
        case [pid, _, _, port, sockets, _, _, "ready"] if is_running(data):
            return Postmaster(int(pid), sockets, port)
    return None


def is_running(data: Path) -> bool:
    """Return whether the process named in `postmaster.pid` is a server of this directory.

    The name and the working directory of the process are checked, because ids are reused.
    """
    lines = _read_pid_file(data)
    if not lines:
        return False
    try:
        process = psutil.Process(int(lines[0]))
        with process.oneshot():
            return (
                process.status() != psutil.STATUS_ZOMBIE
                and process.name().startswith("postgres")
                and process.cwd() == str(data)
            )
    except psutil.AccessDenied:
        return True
    except (psutil.Error, ValueError):
        return False


def _read_pid_file(data: Path) -> list[str]:
    try:
        return [line.strip() for line in (data / "postmaster.pid").read_text().splitlines()]
    except FileNotFoundError:
        return []


def wait_until_ready(data: Path, *, timeout_seconds: float = 120) -> Postmaster | None:
    """Return the server of a directory as soon as it is ready; None if none runs.

    Raises: PostgresUnavailable if it is not ready in time.
    """
    deadline = time.monotonic() + timeout_seconds
    while is_running(data):
        server = find(data)
        if server is not None:
            return server
        if time.monotonic() > deadline:
            raise PostgresUnavailable(
                f"The PostgreSQL server in {data} did not become ready in time: "
                f"see {data}/server.log."
            )
        time.sleep(_POLL_SECONDS)
    return None


def create_cluster(data: Path, binaries: Path, account: OsAccount) -> None:
    """Create a cluster in an empty directory: UTF-8, with checksums, sorted by code point.

    Raises: PostgresUnavailable with the output of initdb if that fails.
    """
    options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]
    options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    result = subprocess.run(  # noqa: S603 - a program that we installed
        [binaries / "initdb", f"--pgdata={data}", *options],
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
        env=_ENVIRONMENT,
        **account.subprocess_user,
    )
    if result.returncode:
        raise PostgresUnavailable(
            f"initdb could not create a database in {data}: {result.stderr.strip()}"
        )


def start(
    data: Path,
    socket_directory: Path,
    binaries: Path,
    account: OsAccount,
    extra_settings: Mapping[str, str],
    *,
    timeout_seconds: float = 120,
) -> Postmaster:
    """Start the server and wait until it is ready; the caller ensures that none runs.

    After a kill, PostgreSQL refuses to start while children of the killed server are running;
    then the start is repeated.

    Raises: PostgresUnavailable with the last lines of the server log.
    """
    deadline = time.monotonic() + timeout_seconds
    settings = {
        **_SERVER_SETTINGS,
        "unix_socket_directories": str(socket_directory),
        **extra_settings,
    }
    while True:
        _reap(data)
        # PostgreSQL takes any process with the id in these files for a server, even a zombie.
        (data / "postmaster.pid").unlink(missing_ok=True)
        (socket_directory / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
        with _open_log(data, account) as log:
            log_size = log.tell()
            child = _spawn(data, binaries, account, settings, log)
        server = _wait_for_child(data, child, deadline)
        if server is not None:
            return server
        log_tail = _read_log_tail(data, log_size)
        if "shared memory block" not in log_tail or time.monotonic() > deadline:
            raise PostgresUnavailable(f"PostgreSQL did not start in {data}:\n{log_tail}")
        time.sleep(0.1)


def _spawn(
    data: Path, binaries: Path, account: OsAccount, settings: Mapping[str, str], log: BinaryIO
) -> "subprocess.Popen[bytes]":
    options = [f"--{name}={value}" for name, value in settings.items()]
    _child_processes[data] = subprocess.Popen(  # noqa: S603 - a program that we installed
        [binaries / "postgres", "-D", data, *options],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd="/",
        env=_ENVIRONMENT,
        start_new_session=True,
        umask=0o077,
        **account.subprocess_user,
    )
    return _child_processes[data]


def _reap(data: Path) -> None:
    child = _child_processes.get(data)
    if child is None:
        return
    with suppress(subprocess.TimeoutExpired):
        child.wait(_REAP_TIMEOUT_SECONDS)
        del _child_processes[data]


def _open_log(data: Path, account: OsAccount) -> BinaryIO:
    path = data / "server.log"
    if path.exists() and path.stat().st_size > _MAX_LOG_BYTES:
        path.replace(data / "server.log.1")
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    account.change_owner(log)
    return os.fdopen(log, "ab")


def _read_log_tail(data: Path, offset: int) -> str:
    with (data / "server.log").open("rb") as log:
        log.seek(offset)
        return "\n".join(log.read().decode(errors="replace").splitlines()[-10:])


def _wait_for_child(
    data: Path, child: "subprocess.Popen[bytes]", deadline: float
) -> Postmaster | None:
    while child.poll() is None:
        server = find(data)
        if server is not None and server.pid == child.pid:
            return server
        if time.monotonic() > deadline:
            child.send_signal(signal.SIGQUIT)
            child.wait()
            return None
        time.sleep(_POLL_SECONDS)
    return None


def stop(data: Path, *, timeout_seconds: float = 20) -> None:
    """Stop the server with a fast shutdown; after the timeout, with an immediate shutdown."""
    for signal_number in (signal.SIGINT, signal.SIGQUIT):
        lines = _read_pid_file(data)
        if not lines or not is_running(data):
            break
        os.kill(int(lines[0]), signal_number)
        deadline = time.monotonic() + timeout_seconds
        while is_running(data) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
    if not is_running(data):
        _reap(data)
