"""Live messages of the whole service, over the WebSocket and as server-sent events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Protocol

import aiohttp
import orjson
import pytest

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from infrastructure.settings.settings import Settings
from infrastructure.subscriptions import missed_events
from tests.deadlines import scaled
from tests.dev_tokens import BOB, bearer_headers, token_of
from tests.end_to_end.conftest import WAIT_TIMEOUT_SECONDS, Client, running_service

EVENT_STREAM_PATH = "/api/v1/sync/events"
Message = dict[str, Any]


class Subscriber(Protocol):
    """Receives the live messages of a person."""

    async def receive(self) -> Message: ...


class WebSocketSubscriber:
    """Receives over a WebSocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def receive(self) -> Message:
        return orjson.loads(await self._socket.receive_str(timeout=WAIT_TIMEOUT_SECONDS))  # type: ignore[no-any-return]  # a JSON object


class EventStreamSubscriber:
    """Receives server-sent events; `id` is the id of the last one."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.id = ""

    async def receive(self) -> Message:
        async with asyncio.timeout(WAIT_TIMEOUT_SECONDS):
            async for line in self._response.content:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "id":
                    self.id = value
                if name == "data":
                    return orjson.loads(value)  # type: ignore[no-any-return]  # a JSON object
        raise AssertionError("The server closed the event stream.")


@asynccontextmanager
async def open_websocket(client: Client) -> AsyncIterator[WebSocketSubscriber]:
    async with client.session.ws_connect(client.url + "/ws/sync-status") as websocket:
        await websocket.send_json({"type": "auth", "token": token_of(client.person)})
        yield WebSocketSubscriber(websocket)


@asynccontextmanager
async def open_event_stream(
    client: Client, last_event_id: str | None = None
) -> AsyncIterator[EventStreamSubscriber]:
    headers = bearer_headers(client.person) | (
        {} if last_event_id is None else {"Last-Event-ID": last_event_id}
    )
    async with client.session.get(client.url + EVENT_STREAM_PATH, headers=headers) as response:
        assert response.status == 200
        yield EventStreamSubscriber(response)


async def receive_until_finished(subscriber: Subscriber) -> list[Message]:
    """Receive messages up to the one about the end of a run."""
    messages = [await subscriber.receive()]
    while messages[-1]["type"] != "sync" or not messages[-1]["sync"]["finished_at"]:
        messages.append(await subscriber.receive())
    return messages


def sync_progress(messages: list[Message]) -> list[tuple[str, int]]:
    runs = [message["sync"] for message in messages if message["type"] == "sync"]
    return [(run["status"], run["courses"]["done"]) for run in runs]


EXPECTED_PROGRESS = [
    ("queued", 0), ("running", 0), ("running", 1), ("running", 2), ("running", 3), ("completed", 3),
]  # fmt: skip


@pytest.mark.parametrize(
    "open_subscriber", [open_websocket, open_event_stream], ids=["websocket", "events"]
)
async def test_a_run_is_published_from_its_request_to_its_end(
    client: Client, sandbox: Sandbox, open_subscriber: Any
) -> None:
    async with open_subscriber(client) as subscriber:
        snapshot = await subscriber.receive()
        assert snapshot.pop("consistency_token")
        assert snapshot == {"type": "snapshot", "items": []}
        connection = await client.connect(sandbox)
        messages = await receive_until_finished(subscriber)
    assert sync_progress(messages) == EXPECTED_PROGRESS
    assert messages[-1]["sync"] == await client.wait_for_sync(connection["id"])
    assert [message["at"] for message in messages] == sorted(message["at"] for message in messages)
    assert messages[-1]["at"] == messages[-1]["sync"]["finished_at"]


async def test_a_grade_change_is_published_except_in_the_first_run(
    client: Client, sandbox: Sandbox
) -> None:
    async with open_websocket(client) as subscriber:
        await subscriber.receive()
        connection = await client.connect(sandbox)
        assert {message["type"] for message in await receive_until_finished(subscriber)} == {"sync"}
        graded = (await client.get("/api/v1/canvas/assignments?status=graded"))["items"][0]
        sandbox.control.set_grade(graded["canvas_id"], score=1.25, grade="1.25")
        await client.sync(connection["id"])
        changes = [
            message["change"]
            for message in await receive_until_finished(subscriber)
            if message["type"] == "grade"
        ]
    history = (await client.get("/api/v1/canvas/grades/history?limit=500"))["items"]
    assert changes == history[-len(changes) :]
    assert graded["id"] in {change["assignment_id"] for change in changes}


async def test_a_client_that_connects_during_a_run_receives_the_rest(
    client: Client, sandbox: Sandbox
) -> None:
    connection = await client.connect(sandbox)
    sandbox.control.set_latency(scaled(0.15) * 1000)
    path = f"/api/v1/canvas/connections/{connection['id']}/sync"
    requested = (await client("POST", path, json={"mode": "full"})).json
    async with open_websocket(client) as subscriber:
        assert (await subscriber.receive())["type"] == "snapshot"
        messages = await receive_until_finished(subscriber)
    assert messages[-1]["sync"]["id"] == requested["id"]
    assert messages[-1]["sync"] == await client.wait_for_sync(connection["id"], requested["id"])


async def test_a_client_receives_only_messages_of_its_own_person(
    client: Client, sandbox: Sandbox
) -> None:
    other = client.as_person(BOB)
    async with AsyncExitStack() as stack:
        subscribers: list[Subscriber] = [
            await stack.enter_async_context(open_websocket(other)),
            await stack.enter_async_context(open_event_stream(other)),
        ]
        for subscriber in subscribers:
            await subscriber.receive()
        await client.connect(sandbox)
        theirs = await other.connect(sandbox, student=1)
        for subscriber in subscribers:
            messages = await receive_until_finished(subscriber)
            assert {run["sync"]["connection_id"] for run in messages} == {theirs["id"]}


async def test_every_api_process_publishes_runs_of_other_processes(
    settings: Settings, sandbox: Sandbox
) -> None:
    async with (
        running_service(settings, frozenset({"api"})) as (_, client),
        running_service(settings, frozenset({"worker", "projector"})),
        running_service(settings, frozenset({"api"})) as (_, other_client),
        open_websocket(client) as subscriber,
        open_event_stream(other_client) as other_subscriber,
    ):
        await subscriber.receive()
        await other_subscriber.receive()
        await client.connect(sandbox)
        messages = await receive_until_finished(subscriber)
        assert sync_progress(messages) == EXPECTED_PROGRESS
        assert await receive_until_finished(other_subscriber) == messages


async def test_a_reconnected_stream_continues_after_the_last_event_id(
    client: Client, sandbox: Sandbox
) -> None:
    async with open_event_stream(client) as subscriber:
        await subscriber.receive()
        await client.connect(sandbox)
        await subscriber.receive()
        middle_id = subscriber.id
        messages = await receive_until_finished(subscriber)
        last_id = subscriber.id
    async with open_event_stream(client, middle_id) as reconnected:
        assert await receive_until_finished(reconnected) == messages
        assert reconnected.id == last_id


@pytest.mark.parametrize("last_event_id", ["0", "-1", "99999999", "9" * 30, "x", "²"])
async def test_a_client_that_missed_too_much_receives_a_snapshot_that_says_so(
    client: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, last_event_id: str
) -> None:
    monkeypatch.setattr(missed_events, "MAX_REPLAYED_EVENTS", 3)
    await client.connect(sandbox)
    async with open_event_stream(client, last_event_id) as subscriber:
        message = await subscriber.receive()
        assert (message["type"], message["missed"]) == ("snapshot", True)
        assert message["items"][0]["state"] == "idle"
