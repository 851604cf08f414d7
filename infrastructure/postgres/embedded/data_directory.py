"""The folder the embedded server's data is in, and whether it is ours to use."""

import os
import shutil
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from infrastructure.postgres.embedded.binaries import POSTGRES_MAJOR_VERSION
from infrastructure.postgres.embedded.os_account import OsAccount, user_name
from infrastructure.postgres.errors import PostgresUnavailable

OTHER_HOME_ADVICE = "name another folder with EASEBOARD_HOME"
# What every system takes, closing zero included: macOS has the smallest.
_MAX_SOCKET_PATH_BYTES = 104


def prepare_home(home: Path, account: OsAccount) -> None:
    """Make the home, and let the account in where it is not ours; raises PostgresUnavailable."""
    if not account.is_current_user:
        _grant_traversal([folder for folder in home.parents if folder.exists()], account)
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise PostgresUnavailable(
            f"{home} cannot be made ({error}): {OTHER_HOME_ADVICE}."
        ) from error
    if not os.access(home, os.W_OK | os.X_OK):
        raise PostgresUnavailable(
            f"{home} is not writable for {user_name(os.geteuid())}, it belongs to "
            f"{user_name(home.stat().st_uid)}: {OTHER_HOME_ADVICE}."
        )
    if not account.is_current_user and home.stat().st_uid != account.uid:
        home.chmod(stat.S_IMODE(home.stat().st_mode) | stat.S_IXOTH)


def _grant_traversal(folders: Sequence[Path], account: OsAccount) -> None:
    """Give others the right to pass through, which is ours to give below the temporary folder."""
    temporary = Path(tempfile.gettempdir()).resolve()
    for folder in folders:
        mode = folder.stat().st_mode
        if mode & stat.S_IXOTH or folder.stat().st_uid == account.uid:
            continue
        if temporary not in folder.parents:
            raise PostgresUnavailable(
                f"PostgreSQL does not run as root but as {account.name!r}, which may not enter "
                f"{folder}: {OTHER_HOME_ADVICE} (/var/lib/easeboard, say), or start as an "
                "ordinary user."
            )
        folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def has_cluster(data: Path, account: OsAccount) -> bool:
    """Whether there is a cluster of ours already; raises PostgresUnavailable when not of ours."""
    try:
        owner, is_empty = data.stat().st_uid, not any(data.iterdir())
    except FileNotFoundError:
        return False
    except PermissionError:
        owner, is_empty = data.stat().st_uid, False
    if is_empty:
        data.rmdir()
        return False
    if owner != account.uid:
        raise PostgresUnavailable(
            f"{data} belongs to the user {user_name(owner)}, and PostgreSQL would run as "
            f"{account.name}: start as that user, or {OTHER_HOME_ADVICE}."
        )
    return _check_version(data)


def _check_version(data: Path) -> bool:
    try:
        version = (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise PostgresUnavailable(
            f"{data} holds something else than a PostgreSQL database: {OTHER_HOME_ADVICE}."
        ) from None
    if version != str(POSTGRES_MAJOR_VERSION):
        raise PostgresUnavailable(
            f"{data} was made by PostgreSQL {version}, and this program brings "
            f"{POSTGRES_MAJOR_VERSION}: bring the data over with pg_upgrade, "
            f"or {OTHER_HOME_ADVICE}."
        )
    return True


def create_staging_directory(data: Path, account: OsAccount) -> Path:
    """An empty folder beside the data folder, to be renamed to it when complete."""
    staging = data.with_name(f"{data.name}.new")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(mode=0o700)
    account.change_owner(staging)
    return staging


def create_socket_directory(data: Path, account: OsAccount) -> Path:
    """A folder only the account can enter whose path is short enough for a socket."""
    name = f"easeboard-{account.uid}-{data.stat().st_ino}"
    temporary = (Path(tempfile.gettempdir()), Path("/tmp"))  # noqa: S108 - a folder of others is refused
    folders = (data, *(folder / name for folder in temporary))
    folder = next(folder for folder in folders if _is_valid_socket_directory(folder))
    try:
        folder.mkdir(mode=0o700)
        account.change_owner(folder)
    except FileExistsError:
        status = folder.lstat()
        is_private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
        if status.st_uid != account.uid or not is_private:
            raise PostgresUnavailable(
                f"{folder} is somebody else's: {OTHER_HOME_ADVICE}."
            ) from None
    return folder


def _is_valid_socket_directory(folder: Path) -> bool:
    # libpq takes a comma for the end of a host.
    is_short = len(os.fsencode(folder / ".s.PGSQL.5432")) < _MAX_SOCKET_PATH_BYTES
    return is_short and not {",", '"'} & set(str(folder))
