"""A sealed log of 300 events, a pool for its database, and a session for requests."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from infrastructure.seals.witness_client.witness_exchange import new_witness_session
from tests.infrastructure.seals.verification.sealed_log import SealedTestLog


@pytest.fixture
def log(
    database_url: str, embedded_postgres: EmbeddedPostgres, tmp_path: Path
) -> Iterator[SealedTestLog]:
    with psycopg.connect(database_url) as connection:
        name = connection.info.dbname
    url = psycopg.conninfo.make_conninfo(embedded_postgres.admin_url, dbname=name)
    log = SealedTestLog(url, tmp_path / "seals")
    with closing(log.connection):
        log.append(300)
        log.seal()
        yield log


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[AsyncConnectionPool[Any]]:
    async with AsyncConnectionPool(database_url, min_size=1, max_size=4) as opened:
        yield opened


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with new_witness_session() as opened:
        yield opened
