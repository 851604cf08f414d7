"""After a failover that has lost the newest events, every follower goes on by itself."""

from collections.abc import AsyncIterator

import pytest

from interfaces.live.event_ids import encode_event_id
from tests.dev_tokens import ADA, BOB
from tests.interfaces.live.broadcast_fixture import (
    BroadcastFixture,
    history_writable,
    open_broadcast,
    projected,
)


@pytest.fixture
async def live(database_url: str) -> AsyncIterator[BroadcastFixture]:
    async with open_broadcast(database_url) as live:
        with projected(live):
            yield live


def lose_events_after(live: BroadcastFixture, position: int, postgres_url: str) -> None:
    """Take the log and the read models back, as a failover to a standby that was behind does."""
    with history_writable(live.url, postgres_url) as connection:
        connection.execute("DELETE FROM easeboard.events WHERE position > %s", [position])
        connection.execute("DELETE FROM easeboard.snapshots")
        connection.execute(
            "UPDATE easeboard.projections SET position = least(position, %s)", [position]
        )


async def test_a_follower_goes_on_and_is_told_that_it_missed_something(
    live: BroadcastFixture, postgres_url: str
) -> None:
    driver = live.sync_driver(ADA)
    await live.read_models_caught_up()
    kept = live.head
    async with live.follow(ADA) as follower, live.follow(BOB) as other:
        await follower.receive()
        await other.receive()
        driver.request()
        driver.start()
        assert [(await follower.receive_status())[0] for _ in range(2)] == ["queued", "running"]
        lost_id = follower.last_id
        lose_events_after(live, kept.position, postgres_url)
        snapshot = await follower.receive()
        assert (snapshot["type"], snapshot["missed"]) == ("snapshot", True)
        assert follower.places[-1].position == kept.position
        assert follower.places[-1].timeline != kept.timeline
        again, others = live.sync_driver(ADA), live.sync_driver(BOB)
        again.request()
        others.request()
        assert (await follower.receive())["sync"]["connection_id"] == str(again.connection_id)
        assert (await other.receive())["sync"]["connection_id"] == str(others.connection_id)
    async with live.follow(ADA, lost_id) as resumed:
        assert (await resumed.receive())["missed"] is True
    async with live.follow(ADA, encode_event_id(kept)) as resumed:
        assert (await resumed.receive())["sync"]["connection_id"] == str(again.connection_id)


async def test_a_follower_whose_last_message_is_kept_misses_nothing(
    live: BroadcastFixture, postgres_url: str
) -> None:
    driver, other = live.sync_driver(ADA), live.sync_driver(BOB)
    driver.request()
    await live.read_models_caught_up()
    async with live.follow(ADA) as follower:
        await follower.receive()
        driver.start()
        assert await follower.receive_status() == ("running", 0, 0)
        kept = live.head
        other.request()
        lose_events_after(live, kept.position, postgres_url)
        driver.record_course(1)
        assert await follower.receive_status() == ("running", 1, 2)


async def test_a_restart_that_loses_nothing_does_not_disturb_followers(
    live: BroadcastFixture,
) -> None:
    driver = live.sync_driver(ADA)
    async with live.follow(ADA) as follower:
        await follower.receive()
        driver.request()
        await follower.receive()
        with live.pool.connection() as connection:
            connection.execute("SELECT easeboard.begin_timeline(%s)", [live.head.timeline])
        driver.start()
        driver.record_course(1)
        assert [await follower.receive_status() for _ in range(2)] == [
            ("running", 0, 0),
            ("running", 1, 2),
        ]
        assert follower.places[-1].timeline != follower.places[0].timeline
