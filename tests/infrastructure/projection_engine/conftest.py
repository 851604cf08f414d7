"""An event log, its reader and its pools, on a new database for each test."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool

from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres import pools
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from tests.infrastructure.projection_engine.log_builder import LogBuilder


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def log_builder(connection: psycopg.Connection[Any]) -> LogBuilder:
    return LogBuilder(connection)


@pytest.fixture
def reader(database_url: str) -> Iterator[LogReader]:
    with pools.open_write_pool(database_url, size=4) as pool:
        yield LogReader(pool, Mapper(None))


@pytest.fixture
async def read_pool(database_url: str) -> AsyncIterator[AsyncConnectionPool]:
    async with pools.open_read_pool(database_url, size=4) as pool:
        yield pool


@pytest.fixture
def admin(
    database_url: str, embedded_postgres: EmbeddedPostgres
) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the superuser to the database of the test."""
    name = conninfo_to_dict(database_url)["dbname"]
    url = make_conninfo(embedded_postgres.admin_url, dbname=name)
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def reader_role(connection: psycopg.Connection[Any], admin: psycopg.Connection[Any]) -> str:
    """The name of a role that may see the schema `read`, and nothing in it."""
    name = "reader_" + connection.info.dbname
    admin.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(name)))
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA read TO {}").format(sql.Identifier(name)))
    return name
