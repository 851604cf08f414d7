"""Installations with connections that fail, and a pool that reads them."""

from collections.abc import AsyncIterator

import pytest

from infrastructure.postgres import pools
from infrastructure.postgres.pools import ReadPool


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[ReadPool]:
    async with pools.open_read_pool(database_url, size=2) as pool:
        yield pool
