"""Kind E: the order of everything is the order of the log, whatever commits late or clocks show."""

import asyncio
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import Any

import pytest

from tests.canvas_cases.conftest import School
from tests.event_store_cases.event_log import changed_history, select, slow_commits
from tests.event_store_cases.graded_account import (
    Auditor,
    GradedAccount,
    auditor_of,
    connect_account,
)
from tests.event_store_cases.sizes import tries

SELECT_APPENDS = """
SELECT array_agg(position ORDER BY position)
  FROM easeboard.events
 WHERE person_id = %s
   AND topic <> 'HistoryRead'
 GROUP BY command_id
 ORDER BY min(position)
"""
SHIFT_TIMES = """
UPDATE easeboard.events
   SET recorded_at = recorded_at + %s
 WHERE person_id = %s
   AND position >= %s
   AND position < %s
   AND topic <> 'HistoryRead'
"""
HISTORY = "/api/v1/canvas/grades/history"

Event = dict[str, Any]


def positions(events: list[Event]) -> list[int]:
    return [each["position"] for each in events]


async def walk(auditor: Auditor, page: dict[str, Any], limit: int) -> list[Event]:
    """Return the events of a page and of all pages after it."""
    events = list(page["items"])
    while page["next_cursor"]:
        page = await auditor.page(cursor=page["next_cursor"], limit=limit)
        events += page["items"]
    return events


@pytest.mark.parametrize("limit", [1, 3, 500])
async def test_a_walk_through_a_history_leaves_out_no_event_that_was_committed_late(
    school: School, database_url: str, limit: int
) -> None:
    account = await connect_account(school, courses=2, assignments=2)
    auditor = auditor_of(account)
    with slow_commits(database_url, "SyncRequested", 1.5):
        run = asyncio.create_task(account.request_sync())
        await asyncio.sleep(0.4)
        for _ in range(3):  # readings stand behind the event that is being committed
            whole = await auditor.page()
        page = await auditor.page(limit=len(whole["items"]))
        assert page["next_cursor"], "there are rows beyond the high-water mark"
        sync_id = await run
    await account.client.wait_for_sync(account.id, sync_id)
    seen = positions(await walk(auditor, page, limit))
    expected = [each for each in positions(await auditor.events()) if each <= seen[-1]]
    assert seen == expected


async def test_pages_during_runs_leave_out_nothing_and_repeat_nothing(
    school: School, database_url: str
) -> None:
    account = await connect_account(school, courses=3, assignments=2)
    auditor = auditor_of(account)
    seen: list[int] = []

    async def follow(ended: asyncio.Event) -> None:
        while not ended.is_set():
            after = seen[-1] if seen else 0
            seen.extend(positions(await auditor.events(after_position=after, limit=7)))

    with slow_commits(database_url, "CourseFetched", 0.05):
        ended = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(follow(ended))
            for number in range(tries(4, 60)):
                account.set_scores(30.0 + number, 3.0 + number / 64)
                await account.sync()
            ended.set()
    expected = [each for each in positions(await all_events(auditor)) if each <= seen[-1]]
    assert seen == expected


async def all_events(auditor: Auditor) -> list[Event]:
    """Return the whole history."""
    return await walk(auditor, await auditor.page(), 500)


async def test_an_append_has_one_time_and_a_state_is_of_a_whole_append(
    school: School, database_url: str
) -> None:
    account = await connect_account(school)
    auditor = auditor_of(account)
    events = {each["position"]: each for each in await auditor.events()}
    appends = [row for (row,) in select(database_url, SELECT_APPENDS, account.client.person)]
    assert max(len(append) for append in appends) > 1
    for append in appends:
        times = {events[position]["recorded_at"] for position in append}
        assert len(times) == 1
        state = await auditor.state(as_of=times.pop())
        assert state["position"] == append[-1]


async def test_each_version_of_a_connection_is_shown_with_what_was_recorded_with_it(
    school: School,
) -> None:
    account = await connect_account(school)
    auditor = auditor_of(account)
    first = await auditor.state(version=1)
    assert first["connection"]["status"] == "active"
    assert first["sync"]["run"], "the run that was requested in the same append"


async def test_a_time_before_everything_and_one_in_the_future_are_states(school: School) -> None:
    account = await connect_account(school)
    auditor = auditor_of(account)
    newest = (await auditor.events())[-1]
    future = await auditor.state(as_of="2999-01-01T00:00:00Z")
    assert future["position"] >= newest["position"]
    assert (await auditor.read("state", as_of="2001-01-01T00:00:00Z")).status in {200, 404}


async def test_times_never_run_backwards_within_a_stream(school: School) -> None:
    account = await connect_account(school)
    auditor = auditor_of(account)
    for _ in range(3):
        await asyncio.gather(
            account.client("POST", f"{account.path}/validate", json={}),
            auditor.read("state", version=1),
            account.sync(),
        )
    by_stream = sorted(await auditor.events(), key=lambda each: str(each["stream"]))
    for _, group in groupby(by_stream, key=lambda each: each["stream"]):
        times = [each["recorded_at"] for each in group]
        assert times == sorted(times)


async def set_clock_forward(
    account: GradedAccount, database_url: str, first: int, last: int
) -> None:
    """Let the events from `first` up to before `last` have the times of a wrong clock."""
    values = [timedelta(minutes=2), account.client.person, first, last]
    with changed_history(database_url) as connection:
        connection.execute(SHIFT_TIMES, values)
    response = await account.with_role("admin")(
        "POST", "/api/v1/admin/projections/grade_history/rebuild"
    )
    assert response.status == 202


async def run_with_wrong_clock(account: GradedAccount, database_url: str) -> list[Event]:
    """Run three syncs, of which the second has later times than the third."""
    auditor = auditor_of(account)
    for number in range(2):
        account.set_scores(60.0 + number, 6.0 + number)
        await account.sync()
    starts = [each["position"] for each in await auditor.events() if _is_request(each)]
    first, last = starts[1], starts[2]
    await set_clock_forward(account, database_url, first, last)
    return await auditor.events()


def _is_request(event: Event) -> bool:
    return bool(event["type"] == "SyncRequested")


async def test_a_state_as_of_a_time_includes_all_that_was_recorded_by_then(
    school: School, database_url: str
) -> None:
    account = await connect_account(school)
    events = await run_with_wrong_clock(account, database_url)
    auditor = auditor_of(account)
    third = [each for each in events if each["type"] == "SyncCompleted"][-1]
    state = await auditor.state(as_of=third["recorded_at"])
    assert state["position"] >= third["position"]
    until = await auditor.events(until=third["recorded_at"])
    assert set(positions(until)) >= {each for each in positions(events) if each < third["position"]}


async def test_what_comes_after_a_wrong_clock_is_in_since_and_in_after_position(
    school: School, database_url: str
) -> None:
    account = await connect_account(school)
    await run_with_wrong_clock(account, database_url)
    auditor = auditor_of(account)
    last_position = (await auditor.events())[-1]["position"]
    history = (await account.client.get(f"{HISTORY}?limit=500"))["items"]
    newest = max(each["changed_at"] for each in history)
    account.set_scores(80.0, 8.0)
    run = await account.sync()
    since = await account.client("GET", HISTORY, params={"since": newest, "limit": 500})
    assert run["id"] in {each["sync_id"] for each in since.json["items"]}
    later = await auditor.events(after_position=last_position)
    assert "SyncCompleted" in {each["type"] for each in later}
    assert all(before < after for before, after in pairwise(positions(later)))


async def test_a_new_event_is_later_than_the_one_before_whatever_the_clock_shows(
    school: School, database_url: str
) -> None:
    account = await connect_account(school)
    auditor = auditor_of(account)
    head = (await auditor.events())[-1]["position"]
    await set_clock_forward(account, database_url, 0, head + 1)
    account.set_scores(70.0, 7.0)
    await account.sync()
    own = [each for each in await auditor.events() if each["stream"] == "sync"]
    times = [datetime.fromisoformat(each["recorded_at"]) for each in own]
    assert times == sorted(times)
    history = (await account.client.get(f"{HISTORY}?limit=500"))["items"]
    changed = [each["changed_at"] for each in history]
    assert changed == sorted(changed)
