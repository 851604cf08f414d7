"""A process whose log auditors read."""

from collections.abc import AsyncIterator

import pytest

from infrastructure.settings.settings import read_settings
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.process import Process
from tests.infrastructure.event_store.aggregate_histories import (
    new_connection,
    requested_sync,
)
from tests.interfaces.queries.audited_log import MASTER_KEY, PERSON


@pytest.fixture
async def process(database_url: str) -> AsyncIterator[Process]:
    """A process whose log has a connection and a requested run: positions 1 and 2."""
    settings = read_settings(
        _env_file=None, database_url=database_url, canvas_encryption_key=MASTER_KEY
    )
    async with bootstrap(settings) as process:
        await process.store.save(new_connection(PERSON), requested_sync(PERSON))
        assert process.log_reader.safe_place().position == 2
        yield process
