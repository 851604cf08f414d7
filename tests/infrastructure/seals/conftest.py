"""A pool on the database of a test."""

from collections.abc import AsyncIterator, Iterator

import pytest

from infrastructure.postgres.pools import ReadPool, WritePool, open_read_pool, open_write_pool


@pytest.fixture
def write_pool(database_url: str) -> Iterator[WritePool]:
    with open_write_pool(database_url, size=4) as pool:
        yield pool


@pytest.fixture
async def read_pool(database_url: str) -> AsyncIterator[ReadPool]:
    async with open_read_pool(database_url, size=4) as pool:
        yield pool
