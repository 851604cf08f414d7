"""Who uses the embedded server: locks, which the system drops however a process dies."""

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
    """Two lock files: a gate held while starting or stopping, and one shared by all users."""

    def __init__(self, folder: Path, account: OsAccount) -> None:
        self._folder, self._account = folder, account
        self._users_lock: int | None = None

    @contextmanager
    def start_stop_lock(self, *, timeout_seconds: float = 150) -> Iterator[None]:
        """Nobody else starts or stops the server meanwhile; raises PostgresUnavailable."""
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
                    f"Another process keeps starting or stopping the server in {self._folder}."
                )
            time.sleep(0.01)

    def register_user(self) -> None:
        """Become a user; inside the gate only."""
        users_lock = self._open_lock_file("postgres.users")
        if _try_lock(users_lock, fcntl.LOCK_EX):
            os.truncate(users_lock, 0)
            os.pwrite(users_lock, socket.gethostname().encode(), 0)
        fcntl.flock(users_lock, fcntl.LOCK_SH)
        self._users_lock = users_lock

    def unregister_user(self) -> bool:
        """Be a user no more; whether no user is left. Inside the gate only."""
        if self._users_lock is None:
            return False
        is_last = _try_lock(self._users_lock, fcntl.LOCK_EX)
        os.close(self._users_lock)
        self._users_lock = None
        return is_last

    def other_host(self) -> str | None:
        """The name of another machine or container that uses the folder now."""
        users_lock = self._open_lock_file("postgres.users")
        try:
            host = os.pread(users_lock, 255, 0).decode()
            is_free = _try_lock(users_lock, fcntl.LOCK_EX)
        finally:
            os.close(users_lock)
        return None if is_free or host == socket.gethostname() else host

    def _open_lock_file(self, name: str) -> int:
        path = self._folder / name
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except PermissionError as error:
            raise PostgresUnavailable(
                f"{path} belongs to another user: start as that user, or name another folder "
                "with EASEBOARD_HOME."
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
