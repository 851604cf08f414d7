"""File locks of the processes that use the embedded server.

The operating system releases them, however a process ends.
"""

import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infrastructure.postgres.embedded.os_account import OsAccount
from infrastructure.postgres.errors import PostgresUnavailable


class ProcessLocks:
    """Two lock files: one held during start and stop, and one shared by all its processes."""

    def __init__(self, directory: Path, account: OsAccount) -> None:
        self._directory, self._account = directory, account
        self._users_lock: int | None = None

    @contextmanager
    def start_stop_lock(self, *, timeout_seconds: float = 150) -> Iterator[None]:
        """Hold the lock without which no process starts or stops the server.

        Raises: PostgresUnavailable if another process holds it for too long.
        """
        lock = self._open_lock_file("postgres.gate")
        try:
            self._wait_for_lock(lock, time.monotonic() + timeout_seconds)
            yield
        finally:
            os.close(lock)

    def _wait_for_lock(self, lock: int, deadline: float) -> None:
        while not _try_lock(lock, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise PostgresUnavailable(
                    f"Another process is still starting or stopping the server in "
                    f"{self._directory}: wait for it, or end it, and try again."
                )
            time.sleep(0.01)

    def register_user(self) -> None:
        """Register this process as a user of the server; requires the start_stop_lock."""
        users_lock = self._open_lock_file("postgres.users")
        if _try_lock(users_lock, fcntl.LOCK_EX):
            os.truncate(users_lock, 0)
            os.pwrite(users_lock, socket.gethostname().encode(), 0)
        fcntl.flock(users_lock, fcntl.LOCK_SH)
        self._users_lock = users_lock

    def unregister_user(self) -> bool:
        """Remove this process from the users of the server; requires the start_stop_lock.

        Returns whether no process uses the server any more.
        """
        if self._users_lock is None:
            return False
        is_last = _try_lock(self._users_lock, fcntl.LOCK_EX)
        os.close(self._users_lock)
        self._users_lock = None
        return is_last

    def other_host(self) -> str | None:
        """Return the name of another machine or container that uses the server, if there is one."""
        users_lock = self._open_lock_file("postgres.users")
        try:
            host = os.pread(users_lock, 255, 0).decode()
            is_free = _try_lock(users_lock, fcntl.LOCK_EX)
        finally:
            os.close(users_lock)
        return None if is_free or host == socket.gethostname() else host

    def _open_lock_file(self, name: str) -> int:
        path = self._directory / name
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except PermissionError as error:
            raise PostgresUnavailable(
                f"{path} belongs to another user: start easeboard as that user, or set "
                "EASEBOARD_HOME to another directory."
            ) from error
        self._account.change_owner(lock)
        return lock


def _try_lock(lock: int, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
            raise
        return False
    return True
