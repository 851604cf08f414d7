"""EASEBOARD_HOME folders for commands; one has a PostgreSQL that runs during all tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from infrastructure.all_migrations import apply_migrations
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from tests.server_folders import SERVER_SETTINGS, new_server_folder


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """EASEBOARD_HOME with a running, migrated server; of one module, which may give it a key."""
    home = new_server_folder()
    with EmbeddedPostgres(home, settings=SERVER_SETTINGS) as server:
        apply_migrations(server.url)
        yield home
    shutil.rmtree(home)


@pytest.fixture
def empty_home() -> Iterator[Path]:
    """An empty EASEBOARD_HOME."""
    home = new_server_folder()
    yield home
    shutil.rmtree(home)
