"""Creates the data directory of the embedded server, and checks that it may be used."""

import os
import shutil
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from infrastructure.postgres.embedded.binaries import POSTGRES_MAJOR_VERSION
from infrastructure.postgres.embedded.os_account import OsAccount, user_name
from infrastructure.postgres.errors import PostgresUnavailable

OTHER_HOME_ADVICE = "set EASEBOARD_HOME to another directory"
# The smallest limit of all systems, that of macOS; includes the closing zero byte.
_MAX_SOCKET_PATH_BYTES = 104


def prepare_home(home: Path, account: OsAccount) -> None:
    """Create the home, and allow the account to enter it.

    Raises: PostgresUnavailable if that is not possible.
    """
    if not account.is_current_user:
        _grant_traversal([directory for directory in home.parents if directory.exists()], account)
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise PostgresUnavailable(
            f"{home} cannot be created ({error}): {OTHER_HOME_ADVICE}."
        ) from error
    if not os.access(home, os.W_OK | os.X_OK):
        raise PostgresUnavailable(
            f"{home} belongs to the user {user_name(home.stat().st_uid)} and is not writable for "
            f"{user_name(os.geteuid())}: {OTHER_HOME_ADVICE}."
        )
    if not account.is_current_user and home.stat().st_uid != account.uid:
        home.chmod(stat.S_IMODE(home.stat().st_mode) | stat.S_IXOTH)


def _grant_traversal(directories: Sequence[Path], account: OsAccount) -> None:
    """Allow others to pass through these directories, if they are in the temporary directory."""
    temporary = Path(tempfile.gettempdir()).resolve()
    for directory in directories:
        mode = directory.stat().st_mode
        if mode & stat.S_IXOTH or directory.stat().st_uid == account.uid:
            continue
        if temporary not in directory.parents:
            raise PostgresUnavailable(
                f"PostgreSQL refuses to run as root, and the account {account.name!r} may not "
                f"enter {directory}: {OTHER_HOME_ADVICE}, such as /var/lib/easeboard, "
                "or start easeboard as an ordinary user."
            )
        directory.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def has_cluster(data: Path, account: OsAccount) -> bool:
    """Return whether the directory has a cluster that can be used; an empty one is removed.

    Raises: PostgresUnavailable if it belongs to another user, has other files, or was created by
    another version of PostgreSQL.
    """
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
            f"{data} belongs to the user {user_name(owner)}, but PostgreSQL would run as "
            f"{account.name}: start easeboard as {user_name(owner)}, or {OTHER_HOME_ADVICE}."
        )
    return _check_version(data)


def _check_version(data: Path) -> bool:
    try:
        version = (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise PostgresUnavailable(
            f"{data} has files that are not a PostgreSQL database: {OTHER_HOME_ADVICE}."
        ) from None
    if version != str(POSTGRES_MAJOR_VERSION):
        raise PostgresUnavailable(
            f"{data} was created by PostgreSQL {version}, but the embedded server is PostgreSQL "
            f"{POSTGRES_MAJOR_VERSION}: upgrade the data with pg_upgrade, or {OTHER_HOME_ADVICE}."
        )
    return True


def create_staging_directory(data: Path, account: OsAccount) -> Path:
    """Create an empty directory beside the data directory, to be renamed to it when complete."""
    staging = data.with_name(f"{data.name}.new")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(mode=0o700)
    account.change_owner(staging)
    return staging


def create_socket_directory(data: Path, account: OsAccount) -> Path:
    """Return a directory for the socket that only the account can enter; create it if missing.

    The path of a socket is limited to some 100 bytes. If the data directory has a longer one, the
    socket is in the temporary directory.

    Raises: PostgresUnavailable if that directory belongs to another user or is open to others.
    """
    name = f"easeboard-{account.uid}-{data.stat().st_ino}"
    temporary = (Path(tempfile.gettempdir()), Path("/tmp"))  # noqa: S108 - a directory of another user is refused
    directories = (data, *(directory / name for directory in temporary))
    directory = next(
        directory for directory in directories if _is_valid_socket_directory(directory)
    )
    try:
        directory.mkdir(mode=0o700)
        account.change_owner(directory)
    except FileExistsError:
        status = directory.lstat()
        is_private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
        if status.st_uid != account.uid or not is_private:
            raise PostgresUnavailable(
                f"{directory} belongs to another user or is open to others: remove it, "
                f"or {OTHER_HOME_ADVICE}."
            ) from None
    return directory


def _is_valid_socket_directory(directory: Path) -> bool:
    # In a connection string libpq reads a comma as the end of a host name.
    is_short = len(os.fsencode(directory / ".s.PGSQL.5432")) < _MAX_SOCKET_PATH_BYTES
    return is_short and not {",", '"'} & set(str(directory))
