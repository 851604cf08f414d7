"""A process whose log auditors read."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infrastructure.settings.settings import read_settings
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.process import Process
from tests.infrastructure.event_store.aggregate_histories import (
    new_connection,
    requested_sync,
)
from tests.infrastructure.seals.verification.sealed_log import SealedTestLog
from tests.interfaces.queries.audited_log import MASTER_KEY, PERSON
from tests.interfaces.queries.sealed_export import sealed_log


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


@pytest.fixture
async def log(process: Process, tmp_path: Path) -> AsyncIterator[SealedTestLog]:
    """The log of the process with a run and a reading, all of it sealed."""
    async with sealed_log(process, tmp_path / "seals") as log:
        yield log
