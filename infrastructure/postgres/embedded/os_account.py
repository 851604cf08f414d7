"""Which account of the operating system the embedded server runs as: PostgreSQL refuses root."""

import fcntl
import os
import pwd
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypedDict

from infrastructure.postgres.errors import PostgresUnavailable

ACCOUNT_NAME = "easeboard"


class SubprocessUser(TypedDict, total=False):
    """How a child process becomes another user: arguments of `subprocess`."""

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
        """Whether it is who we are."""
        return self.uid == os.geteuid()

    @property
    def subprocess_user(self) -> SubprocessUser:
        """What makes a child process run as this user."""
        return (
            {}
            if self.is_current_user
            else {"user": self.uid, "group": self.gid, "extra_groups": []}
        )

    def change_owner(self, file: int | Path) -> None:
        """Hand a file over, where root made it."""
        if not self.is_current_user:
            os.chown(file, self.uid, self.gid)


def find_server_account() -> OsAccount:
    """Our own account, or for root `easeboard`, made on first use; raises PostgresUnavailable."""
    if os.geteuid():
        return _current_account()
    deadline = time.monotonic() + 10
    # useradd's own lock does not keep two of them from making the account twice, one uid lost.
    with _account_lock():
        while True:
            try:
                return _to_account(pwd.getpwnam(ACCOUNT_NAME))
            except KeyError:
                _create_account(deadline)


@contextmanager
def _account_lock() -> Iterator[None]:
    """Wait until no other process of ours looks for the account or makes it."""
    folder = os.open("/etc", os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def user_name(uid: int) -> str:
    """The user's name, or the number where there is none."""
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
            f"The embedded PostgreSQL needs a named account, and user id {os.geteuid()} has none "
            "in /etc/passwd: add one, or set DATABASE_URL to a server of your own."
        ) from None


def _create_account(deadline: float) -> None:
    command = [
        "useradd",
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
    # Somebody else may be at /etc/passwd just now.
    if failure and (result is None or time.monotonic() > deadline):
        raise PostgresUnavailable(
            f"PostgreSQL does not run as root, and the account {ACCOUNT_NAME!r} it would run as "
            f"could not be made ({failure}): make it, start as an ordinary user, "
            "or set DATABASE_URL."
        )
    if failure:
        time.sleep(0.05)
