"""A home for the commands: its PostgreSQL is made once and goes on running in between."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from infrastructure.queue.database_schema import apply_migrations


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """EASEBOARD_HOME with a running, migrated server."""
    # Not pytest's own temporary folder: as root, the server's account could not enter that.
    home = Path(tempfile.mkdtemp(prefix="easeboard-cli-"))
    with EmbeddedPostgres(home, settings={"fsync": "off"}) as server:
        apply_migrations(server.url)
        yield home
    shutil.rmtree(home)


@pytest.fixture
def empty_home() -> Iterator[Path]:
    """EASEBOARD_HOME with nothing in it."""
    home = Path(tempfile.mkdtemp(prefix="easeboard-cli-"))
    yield home
    shutil.rmtree(home)
