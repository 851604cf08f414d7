"""A stream that resumes has every message once and none of what was deleted, or says `missed`."""

from collections.abc import AsyncIterator

import pytest

from domain.log_position import LogPosition
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.subscriptions import missed_events
from infrastructure.subscriptions.missed_events import TooFarBehind
from interfaces.live.event_ids import encode_event_id, parse_event_id
from tests.dev_tokens import ADA, BOB
from tests.interfaces.live.broadcast_fixture import (
    BroadcastFixture,
    open_broadcast,
    projected,
)


@pytest.fixture
async def live(database_url: str) -> AsyncIterator[BroadcastFixture]:
    async with open_broadcast(database_url) as live:
        with projected(live):
            yield live


async def test_a_stream_resumes_after_its_last_event_id_as_often_as_it_is_asked(
    live: BroadcastFixture,
) -> None:
    driver = live.sync_driver(ADA)
    async with live.follow(ADA) as first:
        assert "missed" not in await first.receive()
        driver.request()
        await first.receive()
        resume_from = first.last_id
        driver.start()
        for number in range(100):
            driver.record_course(number)
        driver.complete()
        told = await first.receive_until("completed")
    for _ in range(2):
        async with live.follow(ADA, resume_from) as resumed:
            assert await resumed.receive_until("completed") == told
            assert resumed.places == first.places[2:]
    driver.request()
    async with live.follow(ADA, first.last_id) as resumed:
        assert (await resumed.receive_status())[0] == "queued"


async def test_nothing_is_replayed_of_a_connection_that_was_closed_meanwhile(
    live: BroadcastFixture,
) -> None:
    kept, deleted = live.sync_driver(ADA), live.sync_driver(ADA)
    async with live.follow(ADA) as first:
        await first.receive()
    deleted.complete_first_run(3)
    kept.request()
    deleted.close()
    kept.start()
    async with live.follow(ADA, first.last_id) as resumed:
        runs = [(await resumed.receive())["sync"] for _ in range(2)]
    assert [run["connection_id"] for run in runs] == [str(kept.connection_id)] * 2


async def test_a_replay_under_way_ends_what_is_about_a_connection_that_is_closed(
    live: BroadcastFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missed_events, "MAX_PAGE_EVENTS", 1)
    kept, deleted = live.sync_driver(ADA), live.sync_driver(ADA)
    async with live.follow(ADA) as first:
        await first.receive()
    deleted.request()
    deleted.start()
    kept.request()
    await live.read_models_caught_up()
    async with live.follow(ADA, first.last_id) as resumed:
        assert (await resumed.receive())["sync"]["connection_id"] == str(deleted.connection_id)
        deleted.close()
        assert (await resumed.receive())["sync"]["connection_id"] == str(kept.connection_id)


async def test_nothing_is_replayed_of_a_person_who_is_erased(live: BroadcastFixture) -> None:
    driver, before = live.sync_driver(ADA), live.head
    driver.request()
    async with live.subscribe(ADA, before) as subscriber:
        await subscriber.receive()
        missed = live.broadcast._log.missed_events
        assert missed.positions(ADA, before.position, live.head.position)
        PersonKeys(live.pool, live.ring).destroy(ADA)
        assert missed.positions(ADA, before.position, live.head.position) == []


async def test_only_the_events_of_the_person_count(
    live: BroadcastFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missed_events, "MAX_REPLAYED_EVENTS", 3)
    driver, other = live.sync_driver(ADA), live.sync_driver(BOB)
    async with live.follow(ADA) as first:
        await first.receive()
    driver.request()
    other.complete_first_run(6_000)
    driver.start()
    async with live.follow(ADA, first.last_id) as resumed:
        assert [(await resumed.receive_status())[0] for _ in range(2)] == ["queued", "running"]


async def test_a_client_that_missed_too_much_receives_a_snapshot_that_says_so(
    live: BroadcastFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missed_events, "MAX_REPLAYED_EVENTS", 3)
    driver = live.sync_driver(ADA)
    async with live.follow(ADA) as first:
        await first.receive()
    driver.complete_first_run(3)
    await live.read_models_caught_up()
    async with live.follow(ADA, first.last_id) as resumed:
        snapshot = await resumed.receive()
        assert (snapshot["type"], snapshot["missed"]) == ("snapshot", True)
        while resumed.positions[-1] < live.head.position:
            assert resumed.positions[-1] > first.positions[0]
            driver.request()
            assert (await resumed.receive())["type"] == "sync"


async def unknown_ids(live: BroadcastFixture) -> list[str]:
    timeline, position = live.head
    return [
        encode_event_id(LogPosition(timeline, position + 1)),
        encode_event_id(LogPosition(timeline + 1, position)),
        "-1", "x", "²", "9" * 18, "9" * 30, " ",
    ]  # fmt: skip


async def test_an_id_that_the_log_never_gave_restarts_with_a_snapshot_that_says_so(
    live: BroadcastFixture,
) -> None:
    live.sync_driver(ADA)
    for last_event_id in await unknown_ids(live):
        async with live.follow(ADA, last_event_id) as resumed:
            assert (await resumed.receive())["missed"] is True, last_event_id


async def test_a_stream_of_an_empty_log_resumes(live: BroadcastFixture) -> None:
    async with live.follow(ADA) as first:
        await first.receive()
    driver = live.sync_driver(ADA)
    driver.request()
    async with live.follow(ADA, first.last_id) as resumed:
        assert (await resumed.receive_status())[0] == "queued"


async def test_events_that_no_client_receives_do_not_hide_earlier_ones(
    live: BroadcastFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missed_events, "FIRST_COMPARED_EVENTS", 2)
    monkeypatch.setattr(missed_events, "COMPARED_EVENTS", 3)
    drivers, before = [live.sync_driver(ADA) for _ in range(3)], live.head
    for driver in drivers:
        driver.complete_first_run(7)
    missed = live.broadcast._log.missed_events
    positions = missed.positions(ADA, before.position, live.head.position)
    assert len(positions) == len(drivers) * (3 + 1 + 7 + 1)
    assert positions == sorted(positions)
    assert missed.positions(ADA, positions[4], positions[9]) == positions[5:10]
    monkeypatch.setattr(missed_events, "MAX_REPLAYED_EVENTS", len(positions) - 1)
    with pytest.raises(TooFarBehind):
        missed.positions(ADA, before.position, live.head.position)


@pytest.mark.parametrize("place", [(0, 0), (2**60, 1), (7, 10**12)])
def test_an_event_id_has_a_position_and_three_digits_of_the_timeline(
    place: tuple[int, int],
) -> None:
    timeline, position = place
    assert parse_event_id(encode_event_id(LogPosition(*place))) == (position, timeline % 1000)
