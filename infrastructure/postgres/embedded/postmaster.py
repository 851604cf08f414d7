"""One running PostgreSQL server: found, started, stopped."""

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

from infrastructure.postgres.embedded.os_account import Account
from infrastructure.postgres.errors import PostgresUnavailable

# The server's environment is empty but for these: our secrets are none of its business.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": "5432",
    # Memory for a place nobody takes is little, and any number of our processes may share it.
    "max_connections": "200",
    "log_checkpoints": "off",
}
# Whoever started a server is its parent, and has to take note of its end.
_children: dict[Path, "subprocess.Popen[bytes]"] = {}
_LOG_BYTES = 8_000_000
_TICK = 0.01
_REAP_SECONDS = 5


class Postmaster(NamedTuple):
    """A server that takes connections on a Unix socket."""

    pid: int
    sockets: str
    port: str

    def url(self, user: str, database: str) -> str:
        """The address of one of its databases."""
        host = quote(self.sockets, safe="")
        return f"postgresql://{user}@/{database}?host={host}&port={self.port}"


def find(data: Path) -> Postmaster | None:
    """The server that runs on a data folder, None when there is none or it is not ready yet."""
    match _pid_file(data):
        case [pid, _, _, port, sockets, _, _, "ready"] if is_running(data):
            return Postmaster(int(pid), sockets, port)
    return None


def is_running(data: Path) -> bool:
    """Whether the process named in `postmaster.pid` is one, and a server of this folder."""
    lines = _pid_file(data)
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


def _pid_file(data: Path) -> list[str]:
    try:
        return [line.strip() for line in (data / "postmaster.pid").read_text().splitlines()]
    except FileNotFoundError:
        return []


def await_ready(data: Path, *, seconds: float = 120) -> Postmaster | None:
    """The folder's server once it is ready, None when there is none; raises PostgresUnavailable."""
    deadline = time.monotonic() + seconds
    while is_running(data):
        server = find(data)
        if server is not None:
            return server
        if time.monotonic() > deadline:
            raise PostgresUnavailable(f"The server in {data} does not become ready.")
        time.sleep(_TICK)
    return None


def initialise(data: Path, programs: Path, account: Account) -> None:
    """Make a cluster in an empty folder: UTF-8, checksums, names compared by code point."""
    options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]
    options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    made = subprocess.run(  # noqa: S603 - the program we brought along
        [programs / "initdb", f"--pgdata={data}", *options],
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
        env=_ENVIRONMENT,
        **account.switch,
    )
    if made.returncode:
        raise PostgresUnavailable(f"initdb failed in {data}: {made.stderr.strip()}")


def start(
    data: Path,
    sockets: Path,
    programs: Path,
    account: Account,
    extra: Mapping[str, str],
    *,
    seconds: float = 120,
) -> Postmaster:
    """Start the server and wait until it is ready; raises PostgresUnavailable.

    The caller made sure that none runs. After a kill, PostgreSQL refuses as long as children of
    the killed server are dying: it is tried again.
    """
    deadline = time.monotonic() + seconds
    settings = {**_SETTINGS, "unix_socket_directories": str(sockets), **extra}
    while True:
        _reap(data)
        # PostgreSQL takes any living process with the number in these for a server, zombies too.
        (data / "postmaster.pid").unlink(missing_ok=True)
        (sockets / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
        with _log(data, account) as log:
            before = log.tell()
            child = _spawn(data, programs, account, settings, log)
        server = _ready(data, child, deadline)
        if server is not None:
            return server
        said = _said(data, before)
        if "shared memory block" not in said or time.monotonic() > deadline:
            raise PostgresUnavailable(f"PostgreSQL did not start in {data}:\n{said}")
        time.sleep(0.1)


def _spawn(
    data: Path, programs: Path, account: Account, settings: Mapping[str, str], log: BinaryIO
) -> "subprocess.Popen[bytes]":
    options = [f"--{name}={value}" for name, value in settings.items()]
    _children[data] = subprocess.Popen(  # noqa: S603 - the program we brought along
        [programs / "postgres", "-D", data, *options],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd="/",
        env=_ENVIRONMENT,
        start_new_session=True,
        umask=0o077,
        **account.switch,
    )
    return _children[data]


def _reap(data: Path) -> None:
    child = _children.get(data)
    if child is None:
        return
    with suppress(subprocess.TimeoutExpired):
        child.wait(_REAP_SECONDS)
        del _children[data]


def _log(data: Path, account: Account) -> BinaryIO:
    path = data / "server.log"
    if path.exists() and path.stat().st_size > _LOG_BYTES:
        path.replace(data / "server.log.1")
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    account.own(log)
    return os.fdopen(log, "ab")


def _said(data: Path, since: int) -> str:
    with (data / "server.log").open("rb") as log:
        log.seek(since)
        return "\n".join(log.read().decode(errors="replace").splitlines()[-10:])


def _ready(data: Path, child: "subprocess.Popen[bytes]", deadline: float) -> Postmaster | None:
    while child.poll() is None:
        server = find(data)
        if server is not None and server.pid == child.pid:
            return server
        if time.monotonic() > deadline:
            child.send_signal(signal.SIGQUIT)
            child.wait()
            return None
        time.sleep(_TICK)
    return None


def stop(data: Path, *, seconds: float = 20) -> None:
    """Stop the server: sessions are cut off, the data is written; at once when it takes long."""
    for sign in (signal.SIGINT, signal.SIGQUIT):
        lines = _pid_file(data)
        if not lines or not is_running(data):
            break
        os.kill(int(lines[0]), sign)
        deadline = time.monotonic() + seconds
        while is_running(data) and time.monotonic() < deadline:
            time.sleep(_TICK)
    if not is_running(data):
        _reap(data)
