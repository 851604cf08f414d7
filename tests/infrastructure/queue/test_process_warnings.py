from collections.abc import AsyncIterator

import pytest
from psycopg_pool import AsyncConnectionPool

from infrastructure.queue.heartbeats import Heartbeats
from infrastructure.queue.process_warnings import ProcessWarnings, load_warnings


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[AsyncConnectionPool]:
    async with AsyncConnectionPool(database_url, open=False, min_size=1) as pool:
        yield pool


async def details(pool: AsyncConnectionPool) -> list[str]:
    return [warning.detail for warning in await load_warnings(pool)]


async def test_a_warning_lasts_as_long_as_its_process(pool: AsyncConnectionPool) -> None:
    heartbeats = Heartbeats(pool)
    warnings = ProcessWarnings(pool, heartbeats.process_name)
    await warnings.record("code", "before the first heartbeat")
    assert await details(pool) == []
    await heartbeats.record_heartbeat()
    await warnings.record("code", "first")
    await warnings.record("code", "second")
    await warnings.record("other", "third")
    await heartbeats.record_heartbeat()
    assert await details(pool) == ["second", "third"]
    await heartbeats.deregister()
    assert await details(pool) == []


async def test_a_warning_of_a_process_without_heartbeat_is_not_shown(
    pool: AsyncConnectionPool,
) -> None:
    heartbeats = Heartbeats(pool)
    await heartbeats.record_heartbeat()
    await ProcessWarnings(pool, heartbeats.process_name).record("code", "old")
    async with pool.connection() as connection:
        await connection.execute(
            "UPDATE easeboard.workers SET heartbeat_at = heartbeat_at - INTERVAL '11 s'"
        )
    assert await details(pool) == []
