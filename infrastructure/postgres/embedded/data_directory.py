"""The folder the embedded server's data is in, and whether it is ours to use."""

import os
import shutil
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from infrastructure.postgres.embedded.binaries import MAJOR
from infrastructure.postgres.embedded.os_account import Account, name_of
from infrastructure.postgres.errors import PostgresUnavailable

OTHER_HOME = "name another folder with EASEBOARD_HOME"
# What every system takes, closing zero included: macOS has the smallest.
_SOCKET_PATH_BYTES = 104


def prepare(home: Path, account: Account) -> None:
    """Make the home, and let the account in where it is not ours; raises PostgresUnavailable."""
    if not account.is_ours:
        _let_in([folder for folder in home.parents if folder.exists()], account)
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise PostgresUnavailable(f"{home} cannot be made ({error}): {OTHER_HOME}.") from error
    if not os.access(home, os.W_OK | os.X_OK):
        raise PostgresUnavailable(
            f"{home} is not writable for {name_of(os.geteuid())}, it belongs to "
            f"{name_of(home.stat().st_uid)}: {OTHER_HOME}."
        )
    if not account.is_ours and home.stat().st_uid != account.uid:
        home.chmod(stat.S_IMODE(home.stat().st_mode) | stat.S_IXOTH)


def _let_in(folders: Sequence[Path], account: Account) -> None:
    """Give others the right to pass through, which is ours to give below the temporary folder."""
    temporary = Path(tempfile.gettempdir()).resolve()
    for folder in folders:
        mode = folder.stat().st_mode
        if mode & stat.S_IXOTH or folder.stat().st_uid == account.uid:
            continue
        if temporary not in folder.parents:
            raise PostgresUnavailable(
                f"PostgreSQL does not run as root but as {account.name!r}, which may not enter "
                f"{folder}: {OTHER_HOME} (/var/lib/easeboard, say), or start as an ordinary user."
            )
        folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def check(data: Path, account: Account) -> bool:
    """Whether there is a cluster of ours already; raises PostgresUnavailable when not of ours."""
    try:
        owner, empty = data.stat().st_uid, not any(data.iterdir())
    except FileNotFoundError:
        return False
    except PermissionError:
        owner, empty = data.stat().st_uid, False
    if empty:
        data.rmdir()
        return False
    if owner != account.uid:
        raise PostgresUnavailable(
            f"{data} belongs to the user {name_of(owner)}, and PostgreSQL would run as "
            f"{account.name}: start as that user, or {OTHER_HOME}."
        )
    return _of_our_version(data)


def _of_our_version(data: Path) -> bool:
    try:
        version = (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise PostgresUnavailable(
            f"{data} holds something else than a PostgreSQL database: {OTHER_HOME}."
        ) from None
    if version != str(MAJOR):
        raise PostgresUnavailable(
            f"{data} was made by PostgreSQL {version}, and this program brings {MAJOR}: "
            f"bring the data over with pg_upgrade, or {OTHER_HOME}."
        )
    return True


def fresh(data: Path, account: Account) -> Path:
    """An empty folder beside the data folder, to be renamed to it when complete."""
    half = data.with_name(f"{data.name}.new")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(mode=0o700)
    account.own(half)
    return half


def sockets(data: Path, account: Account) -> Path:
    """A folder only the account can enter whose path is short enough for a socket."""
    name = f"easeboard-{account.uid}-{data.stat().st_ino}"
    temporary = (Path(tempfile.gettempdir()), Path("/tmp"))  # noqa: S108 - a folder of others is refused
    folders = (data, *(folder / name for folder in temporary))
    folder = next(folder for folder in folders if _may_hold_sockets(folder))
    try:
        folder.mkdir(mode=0o700)
        account.own(folder)
    except FileExistsError:
        found = folder.lstat()
        private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
        if found.st_uid != account.uid or not private:
            raise PostgresUnavailable(f"{folder} is somebody else's: {OTHER_HOME}.") from None
    return folder


def _may_hold_sockets(folder: Path) -> bool:
    # libpq takes a comma for the end of a host.
    short = len(os.fsencode(folder / ".s.PGSQL.5432")) < _SOCKET_PATH_BYTES
    return short and not {",", '"'} & set(str(folder))
