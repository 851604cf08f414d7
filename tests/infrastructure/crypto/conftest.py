"""A process with real secrets, and a sweeper of them."""

from collections.abc import AsyncIterator
from contextlib import closing
from uuid import UUID, uuid4

import pytest

from infrastructure.crypto.orphaned_secrets import OrphanedSecrets
from tests.infrastructure.crypto.left_secrets import RING
from tests.infrastructure.event_store.command_processes import (
    CommandProcess,
    CountingCanvas,
    open_process,
)


@pytest.fixture
async def process(database_url: str) -> AsyncIterator[CommandProcess]:
    async with open_process(database_url, RING, CountingCanvas(seconds=0)) as process:
        yield process


@pytest.fixture
async def sweeper(process: CommandProcess) -> AsyncIterator[OrphanedSecrets]:
    """A sweeper of secrets of every age, which compares the times of all tokens."""
    orphans = OrphanedSecrets(process.store, process.pools.write_pool, min_age_seconds=-1, parts=1)
    with closing(orphans):
        yield orphans


@pytest.fixture
def person() -> UUID:
    return uuid4()
