"""A scheduled run that only repeats the failure of the run before gives no live messages."""

from collections.abc import AsyncIterator

import pytest

from tests.dev_tokens import ADA
from tests.interfaces.live.broadcast_fixture import BroadcastFixture, open_broadcast


@pytest.fixture
async def live(database_url: str) -> AsyncIterator[BroadcastFixture]:
    async with open_broadcast(database_url) as live:
        yield live


async def test_scheduled_runs_that_repeat_a_failure_give_no_messages(
    live: BroadcastFixture,
) -> None:
    driver = live.sync_driver(ADA)
    async with live.subscribe(ADA) as subscriber:
        for code in ("canvas-timeout", "canvas-unreachable", "canvas-timeout"):
            driver.fail_scheduled_run(code)
        driver.request(trigger="schedule")
        driver.start()
        driver.record_course(1)
        driver.complete()
        assert [await subscriber.receive_status() for _ in range(5)] == [
            ("queued", 0, 0),
            ("running", 0, 0),
            ("failed", 0, 0),
            ("running", 1, 2),
            ("completed", 1, 2),
        ]


@pytest.mark.parametrize(
    ("trigger", "first", "second"),
    [
        ("schedule", "canvas-unreachable", "canvas-token-rejected"),
        ("schedule", "canvas-throttled", "canvas-unreachable"),
        ("manual", "canvas-unreachable", "canvas-unreachable"),
    ],
)
async def test_a_failure_with_another_cause_or_for_which_a_person_waits_is_published(
    live: BroadcastFixture, trigger: str, first: str, second: str
) -> None:
    driver = live.sync_driver(ADA)
    driver.fail_scheduled_run(first)
    async with live.subscribe(ADA, live.head) as subscriber:
        driver.request(trigger=trigger)
        driver.start()
        driver.fail(second)
        message = await subscriber.receive()
        while message["sync"]["status"] != "failed":
            message = await subscriber.receive()
    assert message["sync"]["error"]["code"] == second


async def test_a_subscriber_who_joins_a_run_that_repeats_a_failure_receives_nothing_of_it(
    live: BroadcastFixture,
) -> None:
    driver = live.sync_driver(ADA)
    driver.fail_scheduled_run("canvas-timeout")
    driver.request(trigger="schedule")
    async with live.subscribe(ADA, live.head) as subscriber:
        driver.start()
        driver.fail("canvas-timeout")
        driver.request()
        assert await subscriber.receive_status() == ("queued", 0, 0)
