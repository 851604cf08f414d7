"""An event log, its reader and its pools, on a new database for each test."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres import pools
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
