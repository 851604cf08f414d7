"""EASEBOARD_HOME folders for commands; one has a PostgreSQL that runs during all tests."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infrastructure.all_migrations import apply_migrations
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """EASEBOARD_HOME with a running, migrated server; of one module, which may give it a key."""
    # Not pytest's temporary folder: if root runs the tests, the account of the server cannot
    # enter it.
    home = Path(tempfile.mkdtemp(prefix="easeboard-cli-"))
    with EmbeddedPostgres(home, settings={"fsync": "off"}) as server:
        apply_migrations(server.url)
        yield home
    shutil.rmtree(home)


@pytest.fixture
def empty_home() -> Iterator[Path]:
    """An empty EASEBOARD_HOME."""
    home = Path(tempfile.mkdtemp(prefix="easeboard-cli-"))
    yield home
    shutil.rmtree(home)
