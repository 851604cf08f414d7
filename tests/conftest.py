"""A PostgreSQL for the tests, and a fresh database for each that asks."""

import itertools
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from infrastructure.postgres.embedded.embedded_postgres import (
    OWNER_ROLE,
    EmbeddedPostgres,
    create_database,
)
from infrastructure.queue.database_schema import apply_migrations

_TEMPLATE_DATABASE = "migrated"
_DATABASE_NUMBERS = itertools.count(1)


@pytest.hookimpl(wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """One more than there are processors, for many tests wait for something most of the time."""
    return (yield) + 1


@pytest.fixture(scope="session")
def embedded_postgres() -> Iterator[EmbeddedPostgres]:
    # Not pytest's own temporary folder: as root, the server's account could not enter that.
    home = Path(tempfile.mkdtemp(prefix="easeboard-tests-"))
    # These tests kill processes, never the power: fsync would only slow them down.
    with EmbeddedPostgres(home, settings={"fsync": "off"}) as server:
        yield server
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def postgres_url(embedded_postgres: EmbeddedPostgres) -> str:
    """The server's maintenance database, as superuser."""
    return embedded_postgres.admin_url


@pytest.fixture(scope="session")
def _migrated_template(embedded_postgres: EmbeddedPostgres) -> str:
    create_database(embedded_postgres.admin_url, _TEMPLATE_DATABASE, owner=OWNER_ROLE)
    apply_migrations(embedded_postgres.url_of(_TEMPLATE_DATABASE))
    return _TEMPLATE_DATABASE


@pytest.fixture
def database_url(embedded_postgres: EmbeddedPostgres, _migrated_template: str) -> Iterator[str]:
    """A migrated database of the test's own, as its owner."""
    yield from _temporary_database(embedded_postgres, _migrated_template)


@pytest.fixture
def empty_database_url(embedded_postgres: EmbeddedPostgres) -> Iterator[str]:
    """A database of the test's own with nothing in it, as its owner."""
    yield from _temporary_database(embedded_postgres, "template1")


def _temporary_database(server: EmbeddedPostgres, template: str) -> Iterator[str]:
    name = f"test_{next(_DATABASE_NUMBERS)}"
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(OWNER_ROLE), sql.Identifier(template)
            )
        )
    yield server.url_of(name)
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
