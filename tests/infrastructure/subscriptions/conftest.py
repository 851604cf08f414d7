"""Sessions of the superuser, for tests of readers of the log."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres


@pytest.fixture
def admin(
    database_url: str, embedded_postgres: EmbeddedPostgres
) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the superuser to the database of the test."""
    name = conninfo_to_dict(database_url)["dbname"]
    url = make_conninfo(embedded_postgres.admin_url, dbname=name)
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection
