"""What a client is told can be read at once, unless a read model stands still for long."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.dev_tokens import ADA, BOB
from tests.interfaces.live.broadcast_fixture import (
    BroadcastFixture,
    Subscriber,
    history_writable,
    open_broadcast,
    projected,
)


@pytest.fixture
async def live(database_url: str) -> AsyncIterator[BroadcastFixture]:
    async with open_broadcast(database_url) as live:
        with projected(live):
            yield live


OTHER_PROCESS = """
INSERT INTO easeboard.log_followers (id, timeline, position, seen_at)
VALUES (%s, %s, %s, clock_timestamp() + interval '1 hour')
"""
OTHER_PROCESS_CAUGHT_UP = """
UPDATE easeboard.log_followers SET position = %s
 WHERE position = %s
   AND seen_at > clock_timestamp() + interval '1 minute'
"""
NEWER_FORM = "UPDATE easeboard.events SET state = %s WHERE topic = 'CourseFetched'"


@contextmanager
def read_models_locked(live: BroadcastFixture, *names: str) -> Iterator[None]:
    """Lock the checkpoints of read models, as another daemon that applies a batch does."""
    with psycopg.connect(live.url) as connection:
        connection.execute(
            "SELECT FROM easeboard.projections WHERE name = ANY(%s) AND role = 'live' FOR UPDATE",
            [list(names)],
        )
        yield


async def expect_nothing(subscriber: Subscriber) -> asyncio.Task[Any]:
    """Check that no message arrives for a while; returns the task that still waits for it."""
    waiting = asyncio.ensure_future(subscriber.receive())
    await asyncio.wait({waiting}, timeout=0.5)
    assert not waiting.done()
    return waiting


async def test_all_read_models_have_reached_what_a_client_is_told(live: BroadcastFixture) -> None:
    driver = live.sync_driver(ADA)
    async with live.follow(ADA) as subscriber:
        await subscriber.receive()
        for score in range(20):
            driver.request()
            driver.start()
            driver.record_course(1, score)
            driver.complete()
            message = await subscriber.receive()
            while message.get("sync", {}).get("status") != "completed":
                assert live.lowest_checkpoint >= subscriber.positions[-1]
                message = await subscriber.receive()
            assert live.lowest_checkpoint >= subscriber.positions[-1]


@pytest.mark.parametrize("name", ["courses", "grade_history", "sync_log"])
async def test_a_message_waits_for_a_read_model_that_is_behind(
    live: BroadcastFixture, name: str
) -> None:
    driver = live.sync_driver(ADA)
    async with live.follow(ADA) as subscriber:
        await subscriber.receive()
        with read_models_locked(live, name):
            driver.request()
            waiting = await expect_nothing(subscriber)
        assert (await waiting)["sync"]["status"] == "queued"
        assert live.lowest_checkpoint >= subscriber.positions[-1]


async def test_a_client_that_joins_is_told_no_more_than_can_be_read(
    live: BroadcastFixture,
) -> None:
    driver, before = live.sync_driver(ADA), live.head
    await live.read_models_caught_up()
    with read_models_locked(live, "courses"):
        driver.request()
        async with live.subscribe(ADA, before) as subscriber:
            waiting = await expect_nothing(subscriber)
            waiting.cancel()
            await asyncio.wait({waiting})


async def test_a_snapshot_waits_until_every_process_knows_what_it_shows(
    live: BroadcastFixture,
) -> None:
    driver, before = live.sync_driver(ADA), live.head
    with psycopg.connect(live.url, autocommit=True) as connection:
        connection.execute(OTHER_PROCESS, [uuid4(), *before])
        driver.request()
        await live.read_models_caught_up()
        async with live.follow(ADA) as subscriber:
            waiting = await expect_nothing(subscriber)
            connection.execute(OTHER_PROCESS_CAUGHT_UP, [live.head.position, before.position])
            assert (await waiting)["type"] == "snapshot"


async def test_a_read_model_that_fails_delays_no_message(
    database_url: str, postgres_url: str
) -> None:
    async with open_broadcast(database_url, max_wait_seconds=3600) as live:
        with projected(live):
            damaged, driver = live.sync_driver(BOB), live.sync_driver(ADA)
            damaged.request()
            damaged.start()
            async with live.follow(ADA) as subscriber:
                await subscriber.receive()
                with read_models_locked(live, "courses"):
                    damaged.record_course(1, 1.0)
                    with history_writable(live.url, postgres_url) as connection:
                        connection.execute(NEWER_FORM, [b'\x00{"class_version":99}'])
                driver.request()
                assert (await subscriber.receive())["sync"]["status"] == "queued"


async def test_a_read_model_that_stands_still_delays_messages_for_a_limited_time(
    database_url: str,
) -> None:
    async with open_broadcast(database_url, max_wait_seconds=3) as live:
        with projected(live):
            driver = live.sync_driver(ADA)
            async with live.follow(ADA) as subscriber:
                await subscriber.receive()
                with read_models_locked(live, "courses"):
                    driver.request()
                    driver.start()
                    waiting = await expect_nothing(subscriber)
                    assert (await waiting)["sync"]["status"] == "queued"
                    assert (await subscriber.receive())["sync"]["status"] == "running"
                    assert live.lowest_checkpoint < subscriber.positions[1]


async def test_a_client_that_joins_is_told_at_once_what_is_older_than_the_wait(
    database_url: str, postgres_url: str
) -> None:
    async with open_broadcast(database_url, max_wait_seconds=3_600) as live:
        with projected(live):
            driver, before = live.sync_driver(ADA), live.head
            with read_models_locked(live, "courses"):
                driver.request()
                with history_writable(live.url, postgres_url) as connection:
                    connection.execute(
                        "UPDATE easeboard.events SET recorded_at = recorded_at - interval '1 day'"
                    )
                async with live.subscribe(ADA, before) as subscriber:
                    assert (await subscriber.receive_status())[0] == "queued"
