"""A sync queue in a new database for each test."""

from collections.abc import AsyncIterator

import pytest

from infrastructure.all_migrations import apply_migrations
from infrastructure.queue.sync_queue import SyncQueue, open_sync_queue


@pytest.fixture
async def queue(database_url: str) -> AsyncIterator[SyncQueue]:
    apply_migrations(database_url)
    async with open_sync_queue(database_url) as queue:
        yield queue
