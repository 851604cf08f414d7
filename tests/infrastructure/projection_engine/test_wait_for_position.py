"""A read may wait for the events it must include."""

import asyncio
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from infrastructure.event_store.log_reader import LogReader
from infrastructure.projection_engine.daemon import Follower
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.wait_for_position import Arrivals
from projections.registry import READ_MODELS
from tests.infrastructure.projection_engine.log_builder import WrittenLog
from tests.projections.event_builders import Wanderer

NAMES = ("courses", "grades")


async def test_everybody_who_waits_is_told(
    database_url: str, reader: LogReader, written: WrittenLog, reads: AsyncConnectionPool
) -> None:
    async with Arrivals(reads) as arrivals:
        with Follower(database_url, reader, READ_MODELS) as follower:
            waiting = [
                asyncio.create_task(arrivals.wait_for(position, NAMES, 10))
                for position in range(1, 40)
            ]
            await asyncio.to_thread(written.append, Wanderer(1).walk(80))
            follower.wake()
            assert all(await asyncio.gather(*waiting))


async def test_what_does_not_come_in_time_is_not_waited_for(
    database_url: str, written: WrittenLog, reads: AsyncConnectionPool
) -> None:
    ensure_read_models(database_url, READ_MODELS)
    head = written.append(Wanderer(1).walk(20))
    async with Arrivals(reads) as arrivals:
        assert await arrivals.wait_for(head, NAMES, 0.2) is False
        assert await arrivals.wait_for(0, NAMES, 0) is True


async def test_one_question_serves_all(
    database_url: str,
    connection: psycopg.Connection[Any],
    written: WrittenLog,
    reads: AsyncConnectionPool,
) -> None:
    ensure_read_models(database_url, READ_MODELS)
    head = written.append(Wanderer(1).walk(20))
    before = reads.get_stats().get("requests_num", 0)
    async with Arrivals(reads) as arrivals:
        waiting = [asyncio.create_task(arrivals.wait_for(head, NAMES, 10)) for _ in range(200)]
        connection.execute("UPDATE easeboard.projections SET position = %s", [head])
        assert all(await asyncio.gather(*waiting))
    assert reads.get_stats()["requests_num"] - before < 20
