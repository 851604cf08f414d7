"""Auditors read the log in its order: nothing is left out, and every state is one that was."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from application.event_metadata import with_event_metadata
from application.record_history_read import RecordHistoryRead
from domain.errors import ConnectionNotFound
from domain.history_access import HistoryAccess
from domain.log_position import LogPosition
from interfaces.composition.process import Process
from interfaces.queries import history_pages
from projections.support.page import BadCursor, Page
from tests.deadlines import scaled
from tests.infrastructure.event_store.aggregate_histories import (
    requested_sync,
    start_and_record_course,
)
from tests.interfaces.queries.audited_log import (
    CONNECTION,
    SYNC,
    as_owner,
    positions,
    read,
    slow_append,
    wait_for_append,
)
from tests.projections.pages import decode_page


async def walk(process: Process, *, recording: bool = True, **options: Any) -> list[dict[str, Any]]:
    """Request all pages of a list; each request is recorded, as a route does."""
    events: list[dict[str, Any]] = []
    cursor = options.pop("cursor", None)
    async with asyncio.timeout(scaled(10)):
        while True:
            page, _ = await process.service.history(CONNECTION, cursor=cursor, **options)
            if recording:
                await read(process)
            events += decode_page(page)
            if (cursor := page.next_cursor) is None:
                return events


async def test_an_event_names_its_stream_and_its_version(process: Process) -> None:
    await read(process)
    events = await walk(process, recording=False)
    assert [(e["position"], e["stream"], e["version"], e["type"]) for e in events] == [
        (1, "connection", 1, "ConnectionOpened"),
        (2, "sync", 1, "SyncRequested"),
        (3, "readings", 1, "HistoryRead"),
    ]
    assert len({UUID(event["event_id"]) for event in events}) == 3
    assert list(events[0]) == [
        *("position", "event_id", "stream", "version", "type", "recorded_at", "actor"),
        *("correlation_id", "causation_id", "payload", "sentence", "seal"),
    ]


async def test_a_walk_includes_an_event_that_is_committed_late(process: Process) -> None:
    with slow_append(process):
        for _ in range(3):
            await read(process)
        page, place = await process.service.history(CONNECTION, limit=2)
        await read(process)
        assert (positions(page), place.position) == ([1, 2], 2)
        assert page.next_cursor
    await wait_for_append(process)
    rest = await walk(process, cursor=page.next_cursor, limit=2)
    assert [event["position"] for event in rest] == [3, 4, 5, 6]
    assert [event["type"] for event in rest] == ["SyncStarted"] + 3 * ["HistoryRead"]


async def test_a_walk_goes_on_as_long_as_events_are_beyond_the_mark(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_pages, "WAIT_SECONDS", 0.05)
    with slow_append(process):
        await read(process)
        page, _ = await process.service.history(CONNECTION)
        assert positions(page) == [1, 2]
        empty, _ = await process.service.history(CONNECTION, cursor=page.next_cursor)
        assert empty.items == []
        assert empty.next_cursor == page.next_cursor
        missed, _ = await process.service.history(CONNECTION, after_position=3)
        assert missed.items == []
        assert missed.next_cursor
        none, _ = await process.service.history(CONNECTION, types=frozenset({"SyncFailed"}))
        assert none == Page([], None)
    await wait_for_append(process)
    assert [e["position"] for e in await walk(process, cursor=empty.next_cursor)] == [3, 4]
    assert [e["position"] for e in await walk(process, cursor=missed.next_cursor)] == [4]


async def test_an_empty_page_waits_for_the_mark(process: Process) -> None:
    with slow_append(process):
        await read(process)
        waiting = asyncio.create_task(process.service.history(CONNECTION, after_position=2))
        await asyncio.sleep(0.3)
        assert not waiting.done()
    page, place = await waiting
    assert (positions(page), place.position) == ([3, 4], 4)


async def test_a_walk_from_the_newest_event_misses_none_below_its_first_page(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_pages, "WAIT_SECONDS", 0.05)
    with slow_append(process):
        await read(process)
        page, _ = await process.service.history(CONNECTION, sort="-position", limit=1)
        assert positions(page) == [2]
        older, _ = await process.service.history(
            CONNECTION, sort="-position", cursor=page.next_cursor
        )
        assert (positions(older), older.next_cursor) == ([1], None)
    await wait_for_append(process)
    events = await walk(process, sort="-position", limit=1)
    assert [event["position"] for event in events] == [4, 3, 2, 1]


async def test_the_first_page_of_the_newest_events_waits_for_the_mark(process: Process) -> None:
    with slow_append(process):
        await read(process)
        waiting = asyncio.create_task(process.service.history(CONNECTION, sort="-position"))
        await asyncio.sleep(0.3)
        assert not waiting.done()
    page, _ = await waiting
    assert positions(page) == [4, 3, 2, 1]


async def test_a_later_page_waits_if_the_mark_of_its_process_is_behind(process: Process) -> None:
    await read(process)
    page, now = await process.service.history(CONNECTION, sort="-position", limit=1)
    behind = LogPosition(now.timeline, 1)
    older, _ = await process.service.history(
        CONNECTION, at=behind, sort="-position", cursor=page.next_cursor
    )
    assert (positions(page), positions(older)) == ([3], [2, 1])


@pytest.mark.parametrize("limit", [1, 2, 3, 500])
async def test_a_list_ends_although_each_page_adds_an_event(process: Process, limit: int) -> None:
    await read(process)
    assert len(await walk(process, limit=limit)) == 3
    assert len(await walk(process, limit=limit, sort="-position")) == 3 + -(-3 // limit)


async def test_a_walker_goes_on_from_the_position_it_has_read(process: Process) -> None:
    first = await walk(process)
    later = await walk(process, after_position=first[-1]["position"])
    assert [event["position"] for event in later] == [3]
    both = await walk(process, after_position=1, sort="-position", limit=1)
    assert [event["position"] for event in both] == [4, 3, 2]


async def test_a_cursor_belongs_to_one_order(process: Process) -> None:
    for sort, other in [("position", "-position"), ("-position", "position")]:
        page, _ = await process.service.history(CONNECTION, sort=sort, limit=1)
        with pytest.raises(BadCursor):
            await process.service.history(CONNECTION, sort=other, cursor=page.next_cursor)


async def test_a_cursor_of_the_release_before_is_still_good(process: Process) -> None:
    await read(process)
    cursor = "WzEsMl0"  # the position 1 and the end 2
    assert [e["position"] for e in await walk(process, cursor=cursor)] == [2]


async def test_what_was_recorded_with_a_wrong_clock_is_between_its_neighbours(
    process: Process,
) -> None:
    for _ in range(4):
        await read(process)
    with as_owner(process.database_url) as connection:
        connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER events_are_history")
        connection.execute(
            "UPDATE easeboard.events SET recorded_at = timestamptz '2026-09-01T00:00:00Z'"
            " + CASE position WHEN 3 THEN 120 WHEN 4 THEN 121 ELSE position END * interval '1 s'"
        )

    async def between(since: int | None, until: int | None, **options: Any) -> list[int]:
        start = datetime.fromisoformat("2026-09-01T00:00:00Z")
        times = [
            None if each is None else start + timedelta(seconds=each) for each in (since, until)
        ]
        events = await walk(process, recording=False, since=times[0], until=times[1], **options)
        return [event["position"] for event in events]

    assert await between(5, None) == [3, 4, 5, 6]
    assert await between(None, 6) == [1, 2, 3, 4, 5]
    assert await between(2, 3) == [2]
    assert await between(121, None) == [4, 5, 6]
    assert await between(None, 121) == [1, 2, 3, 4, 5, 6]
    assert await between(130, None) == []
    assert await between(None, 1) == []
    for limit in (1, 2):
        assert await between(5, 6, limit=limit) == [3, 4, 5]
        assert await between(5, 6, limit=limit, sort="-position") == [5, 4, 3]


async def test_twenty_auditors_at_once_are_all_recorded(process: Process) -> None:
    async def audit(nth: int) -> None:
        with with_event_metadata(f"auditor-{nth}"):
            await process.service.history(CONNECTION)
            await process.service.record_history_read(
                RecordHistoryRead(
                    connection_id=CONNECTION,
                    reader=f"auditor-{nth}",
                    what="events",
                    purpose="complaint",
                )
            )

    async with asyncio.TaskGroup() as group:
        for nth in range(20):
            group.create_task(audit(nth))
    events = await walk(process, recording=False, types=frozenset({"HistoryRead"}))
    assert [event["version"] for event in events] == list(range(1, 21))
    assert {event["payload"]["reader"] for event in events} == {f"auditor-{n}" for n in range(20)}


async def test_an_unreadable_event_hides_no_other(process: Process) -> None:
    with as_owner(process.database_url) as connection:
        connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER events_are_history")
        connection.execute(
            "UPDATE easeboard.events SET topic = 'SyncRenamedLater' WHERE position = 2"
        )
    await process.store.save(start_and_record_course(requested_sync(uuid4())))
    await read(process)
    [opened, unreadable, reading] = await walk(process, recording=False)
    assert opened["payload"]["canvas_user_name"] == "Ada"
    assert list(unreadable["payload"]) == ["unreadable"]
    assert "SyncRenamedLater" in unreadable["payload"]["unreadable"]
    assert reading["payload"]["reader"] == "auditor"


async def test_events_without_a_key_hide_no_others(process: Process) -> None:
    await read(process)
    with as_owner(process.database_url) as connection:
        connection.execute("DELETE FROM easeboard.people_keys")
    process.mapper.forget_keys()
    payloads = [event["payload"] for event in await walk(process, recording=False)]
    assert [list(payload) for payload in payloads[:2]] == [["unreadable"], ["unreadable"]]
    assert payloads[2]["reader"] == "auditor"


async def test_a_connection_that_was_never_opened_is_not_found(process: Process) -> None:
    for stream in (uuid4(), SYNC, HistoryAccess.id_for(CONNECTION)):
        with pytest.raises(ConnectionNotFound):
            await process.service.history(stream)
        with pytest.raises(ConnectionNotFound):
            await process.service.state_at(stream)


async def test_a_read_goes_no_further_than_the_mark_it_is_given(process: Process) -> None:
    await read(process)
    _, now = await process.service.history(CONNECTION)
    at = LogPosition(now.timeline, 2)
    page, place = await process.service.history(CONNECTION, at=at)
    assert (positions(page), place) == ([1, 2], at)
    assert page.next_cursor
