"""Kind B: what a live message contains can be read at once, with its token and without."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from tests.canvas_cases.conftest import School
from tests.end_to_end.conftest import Client, Response
from tests.event_store_cases.event_log import locked_checkpoints
from tests.event_store_cases.graded_account import GradedAccount, connect_account
from tests.event_store_cases.live_messages import (
    Message,
    MessageListener,
    event_stream_messages,
    is_end_of,
    websocket_messages,
)
from tests.event_store_cases.sizes import tries

HISTORY = "/api/v1/canvas/grades/history?sort=-changed_at&limit=500"
LIVE_READ_MODELS = ("courses", "grade_history", "grades", "sync_log", "connections")

OpenListener = Callable[[Client], AbstractAsyncContextManager[MessageListener]]
each_listener = pytest.mark.parametrize(
    "open_listener", [websocket_messages, event_stream_messages], ids=["websocket", "events"]
)


async def read_all(account: GradedAccount, **headers: str) -> dict[str, Response]:
    """Read every resource that a run changes, at once."""
    paths = {
        "history": HISTORY,
        "courses": "/api/v1/canvas/courses",
        "grades": "/api/v1/canvas/grades",
        "assignments": "/api/v1/canvas/assignments",
        "logs": "/api/v1/sync/logs",
        "status": "/api/v1/sync/status",
        "connection": account.path,
        "data": "/api/v1/canvas/data",
        "stats": "/api/v1/dashboard/stats",
    }
    responses = await asyncio.gather(
        *(account.client("GET", path, headers=headers) for path in paths.values())
    )
    return dict(zip(paths, responses, strict=True))


def shown(responses: dict[str, Response], sync_id: str) -> dict[str, Any]:
    """What these responses show of a run that has changed the only course and its grade."""
    body = {name: response.json for name, response in responses.items()}
    data = body["data"]
    return {
        "history": any(each["sync_id"] == sync_id for each in body["history"]["items"]),
        "courses": body["courses"]["items"][0]["current_score"],
        "grades": body["grades"]["items"][0]["current_score"],
        "assignments": body["assignments"]["items"][0]["submission"]["score"],
        "logs": body["logs"]["items"][0]["status"],
        "status": body["status"]["items"][0]["state"],
        "connection": body["connection"]["last_synced_at"] is not None,
        "data": (data["courses"][0]["current_score"], data["grades"][0]["current_score"]),
        "stats": body["stats"]["grades"]["average_score"],
    }


def complete(total: float, score: float) -> dict[str, Any]:
    """What must be shown of a completed run that found this total and score."""
    return {
        "history": True,
        "courses": total,
        "grades": total,
        "assignments": score,
        "logs": "completed",
        "status": "idle",
        "connection": True,
        "data": (total, total),
        "stats": total,
    }


@pytest.fixture
async def account(school: School) -> GradedAccount:
    return await connect_account(school)


@each_listener
@pytest.mark.parametrize("sends_token", [True, False], ids=["with token", "without"])
async def test_the_end_of_a_run_can_be_read_when_its_message_arrives(
    account: GradedAccount, open_listener: OpenListener, *, sends_token: bool
) -> None:
    async with open_listener(account.client) as listener:
        for number in range(tries(10, 250)):
            account.set_scores(20.0 + number / 4, 1.0 + number / 4)
            sync_id = await account.request_sync()
            message = await listener.wait_for_end(sync_id)
            headers = {"Consistency-Token": message["consistency_token"]} if sends_token else {}
            responses = await read_all(account, **headers)
            assert {each.status for each in responses.values()} == {200}
            assert shown(responses, sync_id) == complete(20.0 + number / 4, 1.0 + number / 4)


@each_listener
async def test_a_grade_can_be_read_when_its_message_arrives(
    account: GradedAccount, open_listener: OpenListener
) -> None:
    async with open_listener(account.client) as listener:
        for number in range(tries(10, 250)):
            start = len(listener.messages)
            account.set_scores(20.0 + number, 1.0 + number / 4)
            sync_id = await account.request_sync()
            message = await listener.wait_for(lambda each: each["type"] == "grade", start)
            history = await account.client.get(HISTORY)
            assert message["change"] in history["items"]
            await listener.wait_for_end(sync_id)


async def test_a_message_waits_for_a_read_model_that_is_behind(
    account: GradedAccount, database_url: str
) -> None:
    async with websocket_messages(account.client) as listener:
        with locked_checkpoints(database_url, "courses", "grade_history"):
            account.set_scores(91.0, 9.5)
            sync_id = await account.request_sync()
            await wait_for_messages_to_be_late(listener, sync_id)
        message = await listener.wait_for_end(sync_id)
        assert shown(await read_all(account), sync_id) == complete(91.0, 9.5)
        assert message["consistency_token"]


async def wait_for_messages_to_be_late(listener: MessageListener, sync_id: str) -> None:
    """Give the service time for a message that it must not send yet."""
    await asyncio.sleep(2)
    assert not any(is_end_of(message, sync_id) for message in listener.messages)


async def test_a_read_with_the_token_of_a_late_message_waits_or_is_refused(
    account: GradedAccount, database_url: str
) -> None:
    """A read model that is behind for longer than any read waits must not stop live messages."""
    async with websocket_messages(account.client) as listener:
        with locked_checkpoints(database_url, *LIVE_READ_MODELS):
            account.set_scores(92.0, 9.25)
            sync_id = await account.request_sync()
            message = await listener.wait_for_end(sync_id)
            token = {"Consistency-Token": message["consistency_token"], "Prefer": "wait=0"}
            refused = await account.client("GET", HISTORY, headers=token)
            assert (refused.status, refused.headers["Retry-After"].isdigit()) == (503, True)
            assert refused.json["type"].endswith("/projection-behind")
            token["Prefer"] = "wait=10"
            waiting = asyncio.create_task(account.client("GET", HISTORY, headers=token))
            await asyncio.sleep(0.5)
            assert not waiting.done()
        answered = await waiting
        assert answered.status == 200
        assert any(each["sync_id"] == sync_id for each in answered.json["items"])


async def test_a_response_shows_at_least_the_state_of_its_own_token(
    account: GradedAccount,
) -> None:
    """The token of a response, sent back, is a lower bound for every other resource."""
    async with asyncio.TaskGroup() as group:
        ended = asyncio.Event()

        async def change() -> None:
            for number in range(tries(8, 80)):
                account.set_scores(30.0 + number, 2.0 + number / 4)
                await account.sync()
            ended.set()

        group.create_task(change())
        while not ended.is_set():
            courses = await account.client("GET", "/api/v1/canvas/courses")
            token = courses.headers["Consistency-Token"]
            grades = await account.client(
                "GET", "/api/v1/canvas/grades", headers={"Consistency-Token": token}
            )
            first = courses.json["items"][0]["current_score"]
            assert grades.json["items"][0]["current_score"] >= first


@each_listener
async def test_every_message_about_an_event_has_a_token(
    account: GradedAccount, open_listener: OpenListener
) -> None:
    async with open_listener(account.client) as listener:
        account.set_scores(50.0, 5.0)
        await listener.wait_for_end(await account.request_sync())
        assert all(_token_of(message) for message in listener.messages)


def _token_of(message: Message) -> str:
    return str(message["consistency_token"])


async def test_a_resumed_stream_has_the_rest_once_and_in_order(account: GradedAccount) -> None:
    async with event_stream_messages(account.client) as listener:
        account.set_scores(51.0, 5.125)
        await listener.wait_for_end(await account.request_sync())
    expected = list(zip(listener.ids, listener.messages, strict=True))
    for index in range(1, len(expected)):
        last_id = listener.ids[index - 1]
        assert last_id
        async with event_stream_messages(account.client, last_id.value) as resumed:
            await resumed.wait_for(lambda message: message == listener.messages[-1])
        received = list(zip(resumed.ids, resumed.messages, strict=True))
        assert received == expected[index:]


async def test_a_resumed_stream_has_nothing_of_a_deleted_connection(
    account: GradedAccount, school: School
) -> None:
    async with event_stream_messages(account.client) as listener:
        first_id = listener.ids[0]
        assert first_id
        account.set_scores(52.0, 5.25)
        await listener.wait_for_end(await account.request_sync())
    await account.client("DELETE", account.path)
    body = {"canvas_url": school.url, "api_token": account.add_token()}
    opened = (await account.client("POST", "/api/v1/canvas/setup", json=body)).json
    async with event_stream_messages(account.client, first_id.value) as resumed:
        await resumed.wait_for_end(opened["sync"]["id"])
        about = {
            message["sync"]["connection_id"]
            for message in resumed.messages
            if message["type"] == "sync"
        }
        assert about == {opened["connection"]["id"]}
        assert resumed.changes() == []


@pytest.mark.parametrize("last_event_id", ["99999999999001", "9" * 30, "-1", "x"])
async def test_a_stream_that_cannot_be_resumed_begins_with_what_was_missed(
    account: GradedAccount, last_event_id: str
) -> None:
    async with event_stream_messages(account.client, last_event_id) as listener:
        snapshot = await listener.wait_for(lambda message: message["type"] == "snapshot")
        assert snapshot["missed"] is True
        assert snapshot["items"][0]["state"] == "idle"
