import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infrastructure.postgres.embedded import postmaster
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from tests.infrastructure.postgres.debian_server import postgres15_url
from tests.server_folders import SERVER_SETTINGS, new_server_folder


@contextmanager
def server_folder() -> Iterator[Path]:
    """Yield a directory for a server, and delete it at the end."""
    folder = new_server_folder()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def _template_home() -> Iterator[Path]:
    with server_folder() as home:
        with EmbeddedPostgres(home, settings=SERVER_SETTINGS):
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


@pytest.fixture(scope="session")
def debian_postgres_url() -> Iterator[str]:
    """The URL of the database `postgres` of a PostgreSQL of Debian, as superuser."""
    with postgres15_url() as url:
        assert url, "PostgreSQL 15 of Debian is missing: apt-get install postgresql-15"
        yield url


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with three migrations, of which the last cannot be applied twice."""
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE first (n integer);")
    (tmp_path / "0002_second.sql").write_text("CREATE TABLE second (n integer);")
    (tmp_path / "0003_third.sql").write_text(
        "INSERT INTO first VALUES (1); CREATE TABLE third AS SELECT 100 % 7 AS n;"
    )
    return tmp_path
