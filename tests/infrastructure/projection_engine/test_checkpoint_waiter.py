"""A read may wait for the events it must include."""

import asyncio
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from infrastructure.event_store.log_reader import LogReader
from infrastructure.projection_engine.checkpoint_waiter import CheckpointWaiter
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from projections.registry import READ_MODELS
from tests.deadlines import scaled
from tests.infrastructure.projection_engine.log_builder import LogBuilder
from tests.projections.event_builders import RandomHistory

NAMES = ("courses", "grades")


async def test_all_waiting_reads_are_released(
    database_url: str, reader: LogReader, log_builder: LogBuilder, read_pool: AsyncConnectionPool
) -> None:
    async with CheckpointWaiter(read_pool) as waiter:
        with ProjectionDaemon(database_url, reader, READ_MODELS) as daemon:
            waiting = [
                asyncio.create_task(waiter.wait_for(position, NAMES, scaled(10)))
                for position in range(1, 40)
            ]
            await asyncio.to_thread(log_builder.append, RandomHistory(1).generate(80))
            daemon.wake()
            assert all(await asyncio.gather(*waiting))


async def test_waiting_ends_after_the_timeout(
    database_url: str, log_builder: LogBuilder, read_pool: AsyncConnectionPool
) -> None:
    ensure_read_models(database_url, READ_MODELS)
    head = log_builder.append(RandomHistory(1).generate(20))
    async with CheckpointWaiter(read_pool) as waiter:
        assert await waiter.wait_for(head, NAMES, 0.2) is False
        assert await waiter.wait_for(0, NAMES, scaled(10)) is True


async def test_a_checkpoint_that_went_back_is_not_remembered(
    database_url: str, connection: psycopg.Connection[Any], read_pool: AsyncConnectionPool
) -> None:
    ensure_read_models(database_url, READ_MODELS)
    async with CheckpointWaiter(read_pool) as waiter:
        connection.execute("UPDATE easeboard.projections SET position = 9")
        assert await waiter.wait_for(9, NAMES, scaled(10)) is True
        connection.execute("UPDATE easeboard.projections SET position = 5")
        assert await waiter.wait_for(9, NAMES, 0.2) is False


async def test_read_models_at_different_positions_are_waited_for(
    database_url: str, connection: psycopg.Connection[Any], read_pool: AsyncConnectionPool
) -> None:
    ensure_read_models(database_url, READ_MODELS)
    connection.execute("UPDATE easeboard.projections SET position = 9 WHERE name = 'grades'")
    async with CheckpointWaiter(read_pool) as waiter:
        assert await waiter.wait_for(0, NAMES, 0.2) is False
        waiting = asyncio.create_task(waiter.wait_for(0, NAMES, scaled(10)))
        connection.execute("UPDATE easeboard.projections SET position = 9")
        assert await waiting is True
        assert await waiter.wait_for(0, ("unknown",), 0.2) is False


async def test_one_query_serves_all_waiting_reads(
    database_url: str,
    connection: psycopg.Connection[Any],
    log_builder: LogBuilder,
    read_pool: AsyncConnectionPool,
) -> None:
    ensure_read_models(database_url, READ_MODELS)
    head = log_builder.append(RandomHistory(1).generate(20))
    before = read_pool.get_stats().get("requests_num", 0)
    async with CheckpointWaiter(read_pool) as waiter:
        waiting = [
            asyncio.create_task(waiter.wait_for(head, NAMES, scaled(10))) for _ in range(200)
        ]
        connection.execute("UPDATE easeboard.projections SET position = %s", [head])
        assert all(await asyncio.gather(*waiting))
    assert read_pool.get_stats()["requests_num"] - before < 20
