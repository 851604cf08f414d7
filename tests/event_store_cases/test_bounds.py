"""Kinds G and H: bounds are counted in what one reader reads, and what is unknown stays unknown."""

import asyncio
from contextlib import AsyncExitStack

import psycopg
import pytest

from tests.canvas_cases.conftest import School
from tests.event_store_cases.event_log import changed_history
from tests.event_store_cases.graded_account import GradedAccount, auditor_of, connect_account
from tests.event_store_cases.live_messages import (
    MessageListener,
    event_stream_messages,
    websocket_messages,
)
from tests.event_store_cases.sizes import tries

COURSES, ASSIGNMENTS = 6, 150
CHANGES = COURSES * (ASSIGNMENTS + 1)
INSERT_FOREIGN_EVENTS = """
INSERT INTO easeboard.events (stream, version, topic, actor, command_id, person_id, state)
SELECT gen_random_uuid(), 1, 'HistoryRead', 'test', gen_random_uuid(), gen_random_uuid(),
       '\\x007b7d'
  FROM generate_series(1, %s)
"""
NEWER_FORM = """
UPDATE easeboard.events
   SET state = %s
 WHERE position = (
           SELECT max(position)
             FROM easeboard.events
            WHERE topic = %s
       )
"""

NEWER_FORM_OF_PERSON = """
UPDATE easeboard.events
   SET state = %s
 WHERE topic = %s
   AND person_id = %s
"""


@pytest.mark.timeout(900)
async def test_listeners_that_keep_up_receive_every_grade_of_a_large_run(school: School) -> None:
    account = await connect_account(school, courses=COURSES, assignments=ASSIGNMENTS)
    for number in range(tries(2, 12)):
        async with AsyncExitStack() as stack:
            kinds = [event_stream_messages] * 2 + [websocket_messages] * 3
            listeners = [await stack.enter_async_context(kind(account.client)) for kind in kinds]
            sync_id = await change_all(account, 42.0 + number, 4.25 + number / 8)
            for listener in listeners:
                await listener.wait_for_end(sync_id)
                assert listener.is_open
            received = [listener.changes() for listener in listeners]
        assert [len(each) for each in received] == [CHANGES] * 5
        assert [len(set(each)) for each in received] == [CHANGES] * 5
        assert all(each == received[0] for each in received), "all have the same order"
        assert_in_order(listeners[0])


async def change_all(account: GradedAccount, total: float, score: float) -> str:
    """Change every grade of every course, and request a run."""
    for index in range(COURSES):
        account.set_scores(total, score, index)
    return await account.request_sync()


def assert_in_order(listener: MessageListener) -> None:
    """Assert that the ids of an event stream grow."""
    ids = [each.value for each in listener.ids if each]
    assert ids == sorted(set(ids))


async def test_a_large_run_can_be_resumed_in_the_middle(school: School) -> None:
    account = await connect_account(school, courses=COURSES, assignments=ASSIGNMENTS)
    async with event_stream_messages(account.client) as listener:
        sync_id = await change_all(account, 61.0, 6.25)
        await listener.wait_for_end(sync_id)
    middle = len(listener.messages) // 2
    last_id = listener.ids[middle]
    assert last_id
    async with event_stream_messages(account.client, last_id.value) as resumed:
        await resumed.wait_for_end(sync_id)
    assert resumed.messages == listener.messages[middle + 1 :]


async def test_events_of_others_do_not_count_for_what_a_person_has_missed(
    school: School, database_url: str
) -> None:
    """The window of a resumed stream is counted in the person's own events."""
    account = await connect_account(school)
    async with event_stream_messages(account.client) as listener:
        last_id = listener.ids[0]
    assert last_id
    with psycopg.connect(database_url) as connection:
        connection.execute(INSERT_FOREIGN_EVENTS, [20_000])
    account.set_scores(44.0, 4.5)
    run = await account.sync()
    async with event_stream_messages(account.client, last_id.value) as resumed:
        await resumed.wait_for_end(run["id"])
        assert "snapshot" not in {message["type"] for message in resumed.messages}


async def test_after_a_position_nothing_is_lost_and_nothing_repeated(school: School) -> None:
    account = await connect_account(school, courses=2, assignments=2)
    auditor = auditor_of(account)
    last = (await auditor.events())[-1]
    await account.client("POST", f"{account.path}/validate", json={})
    account.set_scores(40.0, 2.0)
    await account.sync()
    later = [each for each in await auditor.events() if each["position"] > last["position"]]
    after = await auditor.events(after_position=last["position"])
    for event in later + after:
        # Meanwhile a checkpoint can cover it.
        del event["seal"]
    assert after[: len(later)] == later
    assert {each["stream"] for each in after} <= {"connection", "sync", "readings"}


async def test_a_version_names_its_stream(school: School) -> None:
    account = await connect_account(school)
    auditor = auditor_of(account)
    await asyncio.gather(*(auditor.read("state", version=1) for _ in range(3)))
    by_stream: dict[str, list[int]] = {}
    for event in await auditor.events():
        by_stream.setdefault(event["stream"], []).append(event["version"])
    assert set(by_stream) == {"connection", "sync", "readings"}
    for versions in by_stream.values():
        assert versions == list(range(1, len(versions) + 1))


@pytest.mark.parametrize("name", ["after_version", "after"])
async def test_a_count_over_three_streams_is_an_unknown_parameter(
    school: School, name: str
) -> None:
    account = await connect_account(school)
    response = await auditor_of(account).read("events", **{name: 1})
    assert response.status == 422, response.body


@pytest.mark.parametrize("topic", ["ConnectionOpened", "ConnectionValidated", "SyncCompleted"])
async def test_a_person_can_withdraw_a_token_although_an_event_is_unreadable(
    school: School, database_url: str, topic: str
) -> None:
    account, other = await connect_account(school), await connect_account(school)
    assert (await account.client("POST", f"{account.path}/validate")).status == 200
    with changed_history(database_url) as connection:
        connection.execute(
            NEWER_FORM_OF_PERSON,
            [b'\x00{"class_version":99}', topic, account.client.person],
        )
    statuses = [(await account.client("DELETE", account.path)).status for _ in range(2)]
    assert statuses == [204, 404]
    with changed_history(database_url) as connection:
        tokens = connection.execute("SELECT connection_id FROM easeboard.canvas_tokens").fetchall()
    assert [str(id_) for (id_,) in tokens] == [other.id]
    listed = await auditor_of(account).connections()
    assert other.id in {each["id"] for each in listed}


@pytest.mark.parametrize("topic", ["ConnectionClosed", "SyncCompleted"])
async def test_an_event_in_a_newer_form_is_unreadable_and_not_known(
    school: School, database_url: str, topic: str
) -> None:
    account = await connect_account(school)
    await account.client("DELETE", account.path)
    with changed_history(database_url) as connection:
        connection.execute(NEWER_FORM, [b'\x00{"class_version":99}', topic])
    events = {each["type"]: each["payload"] for each in await auditor_of(account).events()}
    assert "unreadable" in events[topic]
