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
    """A folder the server's account may enter, whoever runs the tests."""
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
    """A home in which no server was ever started."""
    with server_folder() as home:
        yield home
        postmaster.stop(home / "postgres")


@pytest.fixture
def home(bare_home: Path, _template_home: Path) -> Path:
    """A home with a database of its own that nobody uses."""
    # As root, the copy has to belong to the server's account as well.
    subprocess.run(["/bin/cp", "-a", f"{_template_home}/.", bare_home], check=True)  # noqa: S603 - cp
    return bare_home
