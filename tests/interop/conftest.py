"""A log that the real sealer has written, and the programs that judge it.

`make interop` sets them up; without them the tests of this folder are not collected.
"""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from tests.interop.published_log import PublishedLog, write_log

JUDGES = os.environ.get("EASEBOARD_JUDGES")
collect_ignore_glob = [] if JUDGES else ["test_*.py"]
DATABASE = "interop"


@pytest.fixture(scope="session")
def judges() -> Path:
    """The directory with the programs of the judges."""
    assert JUDGES
    return Path(JUDGES) / "bin"


@pytest.fixture(scope="session")
def log(
    embedded_postgres: EmbeddedPostgres,
    _migrated_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[PublishedLog]:
    """66,000 events in a directory, sealed and published in two steps."""
    with psycopg.connect(embedded_postgres.admin_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {DATABASE} TEMPLATE {_migrated_template}")
    url = psycopg.conninfo.make_conninfo(embedded_postgres.admin_url, dbname=DATABASE)
    yield asyncio.run(write_log(url, tmp_path_factory.mktemp("published")))
    with psycopg.connect(embedded_postgres.admin_url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
