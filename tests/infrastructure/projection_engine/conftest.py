"""A log to follow, on a database of the test's own."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres import pools
from tests.infrastructure.projection_engine.log_builder import WrittenLog


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def written(connection: psycopg.Connection[Any]) -> WrittenLog:
    return WrittenLog(connection)


@pytest.fixture
def reader(database_url: str) -> Iterator[LogReader]:
    with pools.writes(database_url, size=4) as pool:
        yield LogReader(pool, Mapper(None))


@pytest.fixture
async def reads(database_url: str) -> AsyncIterator[AsyncConnectionPool]:
    async with pools.reads(database_url, size=4) as pool:
        yield pool
