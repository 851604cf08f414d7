"""The operating system account of the embedded server; PostgreSQL refuses to run as root."""

import fcntl
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypedDict

from infrastructure.postgres.errors import PostgresUnavailable

ACCOUNT_NAME = "easeboard"


class SubprocessUser(TypedDict, total=False):
    """Arguments of `subprocess` that make a child process run as another user."""

    user: int
    group: int
    extra_groups: list[str | int]


class OsAccount(NamedTuple):
    """A user of the operating system."""

    uid: int
    gid: int
    name: str

    @property
    def is_current_user(self) -> bool:
        """Whether this process runs as this user."""
        return self.uid == os.geteuid()

    @property
    def subprocess_user(self) -> SubprocessUser:
        """Arguments of `subprocess` that make a child process run as this user."""
        return (
            {}
            if self.is_current_user
            else {"user": self.uid, "group": self.gid, "extra_groups": []}
        )

    def change_owner(self, file: int | Path) -> None:
        """Give a file to this user, if this process runs as root."""
        if not self.is_current_user:
            os.chown(file, self.uid, self.gid)


def find_server_account() -> OsAccount:
    """Return the account of this process; for root `easeboard`, which is created on first use.

    Raises: PostgresUnavailable if the account has no name or cannot be created.
    """
    if os.geteuid():
        return _current_account()
    deadline = time.monotonic() + 10
    # Despite its own lock, two processes of useradd can create the account twice.
    with _account_lock():
        while True:
            try:
                return _to_account(pwd.getpwnam(ACCOUNT_NAME))
            except KeyError:
                _create_account(deadline)


@contextmanager
def _account_lock() -> Iterator[None]:
    """Allow one process of easeboard at a time to find or create the account."""
    directory = os.open("/etc", os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def user_name(uid: int) -> str:
    """Return the name of a user, or the number if the user has no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _to_account(entry: pwd.struct_passwd) -> OsAccount:
    return OsAccount(entry.pw_uid, entry.pw_gid, entry.pw_name)


def _current_account() -> OsAccount:
    try:
        return _to_account(pwd.getpwuid(os.geteuid()))
    except KeyError:
        raise PostgresUnavailable(
            f"The embedded PostgreSQL needs an account with a name, and user id {os.geteuid()} has "
            "none in /etc/passwd: add one, or set DATABASE_URL to a server of your own."
        ) from None


def _create_account(deadline: float) -> None:
    # Not every PATH of root has the directories of administration.
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    command = [
        shutil.which("useradd", path=path) or "useradd",
        "--system",
        "--no-create-home",
        "--shell",
        "/usr/sbin/nologin",
        ACCOUNT_NAME,
    ]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a constant
        failure = result.stderr.strip() if result.returncode else ""
    except OSError as error:
        result, failure = None, str(error)
    # Another program may have locked /etc/passwd for a moment.
    if failure and (result is None or time.monotonic() > deadline):
        raise PostgresUnavailable(
            f"PostgreSQL refuses to run as root, and the account {ACCOUNT_NAME!r} could not be "
            f"created ({failure}): create it, start easeboard as an ordinary user, "
            "or set DATABASE_URL to a server of your own."
        )
    if failure:
        time.sleep(0.05)
