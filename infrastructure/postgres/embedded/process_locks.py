"""Who uses the embedded server: locks, which the system drops however a process dies."""

import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infrastructure.postgres.embedded.os_account import Account
from infrastructure.postgres.errors import PostgresUnavailable


class Presence:
    """Two lock files: a gate held while starting or stopping, and one shared by all users."""

    def __init__(self, folder: Path, account: Account) -> None:
        self._folder, self._account = folder, account
        self._users: int | None = None

    @contextmanager
    def gate(self, *, seconds: float = 150) -> Iterator[None]:
        """Nobody else starts or stops the server meanwhile; raises PostgresUnavailable."""
        lock = self._open("postgres.gate")
        try:
            self._wait(lock, time.monotonic() + seconds)
            yield
        finally:
            os.close(lock)

    def _wait(self, lock: int, deadline: float) -> None:
        while not _try(lock, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise PostgresUnavailable(
                    f"Another process keeps starting or stopping the server in {self._folder}."
                )
            time.sleep(0.01)

    def join(self) -> None:
        """Become a user; inside the gate only."""
        users = self._open("postgres.users")
        if _try(users, fcntl.LOCK_EX):
            os.truncate(users, 0)
            os.pwrite(users, socket.gethostname().encode(), 0)
        fcntl.flock(users, fcntl.LOCK_SH)
        self._users = users

    def leave(self) -> bool:
        """Be a user no more; whether no user is left. Inside the gate only."""
        if self._users is None:
            return False
        alone = _try(self._users, fcntl.LOCK_EX)
        os.close(self._users)
        self._users = None
        return alone

    def elsewhere(self) -> str | None:
        """The name of another machine or container that uses the folder now."""
        users = self._open("postgres.users")
        try:
            host = os.pread(users, 255, 0).decode()
            free = _try(users, fcntl.LOCK_EX)
        finally:
            os.close(users)
        return None if free or host == socket.gethostname() else host

    def _open(self, name: str) -> int:
        path = self._folder / name
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except PermissionError as error:
            raise PostgresUnavailable(
                f"{path} belongs to another user: start as that user, or name another folder "
                "with EASEBOARD_HOME."
            ) from error
        self._account.own(lock)
        return lock


def _try(lock: int, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
            raise
        return False
    return True
