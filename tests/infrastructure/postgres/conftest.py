import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infrastructure.postgres.embedded import postmaster
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres


@contextmanager
def server_folder() -> Iterator[Path]:
    """Yield a directory that the account of the server may enter, also if root runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="easeboard-tests-")).resolve()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def _template_home() -> Iterator[Path]:
    with server_folder() as home:
        with EmbeddedPostgres(home, settings={"fsync": "off"}):
            pass
        yield home


@pytest.fixture
def bare_home() -> Iterator[Path]:
    """A home in which no server was started yet."""
    with server_folder() as home:
        yield home
        postmaster.stop(home / "postgres")


@pytest.fixture
def home(bare_home: Path, _template_home: Path) -> Path:
    """A home with a database that no process uses."""
    # -a keeps the owner: if root runs the tests, files belong to the account of the server.
    subprocess.run(["/bin/cp", "-a", f"{_template_home}/.", bare_home], check=True)  # noqa: S603 - cp
    return bare_home
