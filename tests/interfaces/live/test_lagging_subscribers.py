"""A subscriber that falls behind is not cut off: it reads what it missed from the log."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from infrastructure.subscriptions import missed_events
from interfaces.live import subscriber_queue
from tests.dev_tokens import ADA
from tests.interfaces.live.broadcast_fixture import (
    BroadcastFixture,
    Subscriber,
    open_broadcast,
    projected,
)


@pytest.fixture
async def live(database_url: str) -> AsyncIterator[BroadcastFixture]:
    async with open_broadcast(database_url) as live:
        with projected(live):
            yield live


def grade_positions(live: BroadcastFixture, after: int) -> list[int]:
    with psycopg.connect(live.url) as connection:
        rows = connection.execute(
            "SELECT position FROM easeboard.events"
            " WHERE topic = 'GradeChanged' AND position > %s ORDER BY position",
            [after],
        ).fetchall()
    return [position for (position,) in rows]


async def receive_grades(subscriber: Subscriber, *, pause: float = 0) -> list[int]:
    """Receive messages to the end of a run; returns the positions of the grades among them."""
    positions, message = [], await subscriber.receive()
    while message.get("sync", {}).get("status") != "completed":
        if message["type"] == "grade":
            positions.append(subscriber.positions[-1])
        await asyncio.sleep(pause)
        message = await subscriber.receive()
    return positions


async def test_nine_hundred_grades_of_one_run_reach_every_subscriber_once_and_in_order(
    live: BroadcastFixture,
) -> None:
    driver = live.sync_driver(ADA)
    driver.request()
    driver.start()
    for number in range(6):
        driver.record_grades(number, 150, 9.5)
    driver.complete()
    await live.read_models_caught_up()
    before = live.head.position
    async with live.follow(ADA) as first, live.follow(ADA) as second, live.follow(ADA) as slow:
        for subscriber in (first, second, slow):
            await subscriber.receive()
        receiving = [
            asyncio.ensure_future(receive_grades(first)),
            asyncio.ensure_future(receive_grades(second)),
            asyncio.ensure_future(receive_grades(slow, pause=0.001)),
        ]
        driver.request()
        driver.start()
        for number in range(6):
            driver.record_grades(number, 150, 4.25)
        driver.complete()
        received = await asyncio.gather(*receiving)
        assert first.positions == second.positions == slow.positions
    assert received == [grade_positions(live, before)] * 3
    assert len(received[0]) == 900


async def test_a_subscriber_whose_queue_was_full_receives_the_rest_from_the_log(
    live: BroadcastFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber_queue, "MAX_QUEUED_MESSAGES", 2)
    driver = live.sync_driver(ADA)
    await live.read_models_caught_up()
    async with live.follow(ADA) as slow, live.follow(ADA) as fast:
        await slow.receive()
        await fast.receive()
        driver.request()
        await slow.receive()
        await fast.receive()
        driver.start()
        assert (await fast.receive_status())[0] == "running"
        for number in range(20):
            driver.record_course(number)
            assert (await fast.receive_status())[1] == number + 1
        while slow.positions[-1] < fast.positions[-1]:
            await slow.receive()
        assert slow.positions == fast.positions
        driver.complete()
        assert await slow.receive() == await fast.receive()


async def test_a_subscriber_that_is_too_far_behind_is_disconnected(
    live: BroadcastFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber_queue, "MAX_QUEUED_MESSAGES", 2)
    monkeypatch.setattr(missed_events, "MAX_REPLAYED_EVENTS", 5)
    driver = live.sync_driver(ADA)
    await live.read_models_caught_up()
    async with live.follow(ADA) as slow, live.follow(ADA) as fast:
        await slow.receive()
        await fast.receive()
        driver.request()
        await slow.receive()
        await fast.receive()
        driver.start()
        for number in range(9):
            driver.record_course(number)
            await fast.receive_until("running")
        with pytest.raises(StopAsyncIteration):
            await receive_grades(slow)
    assert slow.positions == fast.positions[: len(slow.positions)]
