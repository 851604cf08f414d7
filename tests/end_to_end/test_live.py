"""Syncs as they go, over the WebSocket and as server-sent events, in the whole product."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Protocol

import aiohttp
import orjson
import pytest

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from infrastructure.settings import Settings
from interfaces.live import stream
from tests.dev_tokens import BOB, bearer, token_of
from tests.end_to_end.conftest import PATIENCE, Client, house

EVENTS = "/api/v1/sync/events"
Told = dict[str, Any]


class Line(Protocol):
    """What somebody hears."""

    async def hear(self) -> Told: ...


class Socket:
    """The WebSocket of a person."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def hear(self) -> Told:
        return orjson.loads(await self._socket.receive_str(timeout=PATIENCE))  # type: ignore[no-any-return]  # an object


class Events:
    """The server-sent events of a person."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self.id = ""

    async def hear(self) -> Told:
        async with asyncio.timeout(PATIENCE):
            async for line in self._answer.content:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "id":
                    self.id = value
                if name == "data":
                    return orjson.loads(value)  # type: ignore[no-any-return]  # an object
        raise AssertionError("the stream ended")


@asynccontextmanager
async def socket(client: Client) -> AsyncIterator[Socket]:
    async with client.session.ws_connect(client.url + "/ws/sync-status") as line:
        await line.send_json({"type": "auth", "token": token_of(client.person)})
        yield Socket(line)


@asynccontextmanager
async def events(client: Client, last: str | None = None) -> AsyncIterator[Events]:
    headers = bearer(client.person) | ({} if last is None else {"Last-Event-ID": last})
    async with client.session.get(client.url + EVENTS, headers=headers) as answer:
        assert answer.status == 200
        yield Events(answer)


async def until_over(line: Line) -> list[Told]:
    """What is told up to the end of a run."""
    told = [await line.hear()]
    while told[-1]["type"] != "sync" or not told[-1]["sync"]["finished_at"]:
        told.append(await line.hear())
    return told


def progress(told: list[Told]) -> list[tuple[str, int]]:
    runs = [message["sync"] for message in told if message["type"] == "sync"]
    return [(run["status"], run["courses"]["done"]) for run in runs]


A_RUN = [
    ("queued", 0), ("running", 0), ("running", 1), ("running", 2), ("running", 3), ("completed", 3),
]  # fmt: skip


@pytest.mark.parametrize("way", [socket, events], ids=["websocket", "events"])
async def test_a_run_is_told_from_the_request_to_the_end(
    client: Client, sandbox: Sandbox, way: Any
) -> None:
    async with way(client) as line:
        assert await line.hear() == {"type": "snapshot", "items": []}
        connection = await client.connect(sandbox)
        told = await until_over(line)
    assert progress(told) == A_RUN
    assert told[-1]["sync"] == await client.ended(connection["id"])
    assert [message["at"] for message in told] == sorted(message["at"] for message in told)
    assert told[-1]["at"] == told[-1]["sync"]["finished_at"]


async def test_a_grade_is_told_once_there_was_one_to_compare_it_with(
    client: Client, sandbox: Sandbox
) -> None:
    async with socket(client) as line:
        await line.hear()
        connection = await client.connect(sandbox)
        assert {message["type"] for message in await until_over(line)} == {"sync"}
        graded = (await client.get("/api/v1/canvas/assignments?status=graded"))["items"][0]
        sandbox.control.set_grade(graded["canvas_id"], score=1.25, grade="1.25")
        await client.sync(connection["id"])
        changes = [
            message["change"] for message in await until_over(line) if message["type"] == "grade"
        ]
    history = (await client.get("/api/v1/canvas/grades/history?limit=500"))["items"]
    assert changes == history[-len(changes) :]
    assert graded["id"] in {change["assignment_id"] for change in changes}


async def test_whoever_comes_in_the_middle_is_told_the_rest(
    client: Client, sandbox: Sandbox
) -> None:
    connection = await client.connect(sandbox)
    sandbox.control.set_latency(300)
    path = f"/api/v1/canvas/connections/{connection['id']}/sync"
    requested = (await client("POST", path, json={"mode": "full"})).json
    async with socket(client) as line:
        assert (await line.hear())["type"] == "snapshot"
        told = await until_over(line)
    assert told[-1]["sync"]["id"] == requested["id"]
    assert told[-1]["sync"] == await client.ended(connection["id"], requested["id"])


async def test_nobody_hears_of_others(client: Client, sandbox: Sandbox) -> None:
    other = client.of(BOB)
    async with AsyncExitStack() as stack:
        lines: list[Line] = [
            await stack.enter_async_context(socket(other)),
            await stack.enter_async_context(events(other)),
        ]
        for line in lines:
            await line.hear()
        await client.connect(sandbox)
        theirs = await other.connect(sandbox, student=1)
        for line in lines:
            told = await until_over(line)
            assert {run["sync"]["connection_id"] for run in told} == {theirs["id"]}


async def test_every_process_tells_whichever_ran_it(settings: Settings, sandbox: Sandbox) -> None:
    async with (
        house(settings, frozenset({"api"})) as (_, here),
        house(settings, frozenset({"worker", "projector"})),
        house(settings, frozenset({"api"})) as (_, there),
        socket(here) as one,
        events(there) as another,
    ):
        await one.hear()
        await another.hear()
        await here.connect(sandbox)
        told = await until_over(one)
        assert progress(told) == A_RUN
        assert await until_over(another) == told


async def test_a_stream_goes_on_where_it_broke_off(client: Client, sandbox: Sandbox) -> None:
    async with events(client) as line:
        await line.hear()
        await client.connect(sandbox)
        await line.hear()
        middle = line.id
        told = await until_over(line)
        end = line.id
    async with events(client, middle) as again:
        assert await until_over(again) == told
        assert again.id == end


@pytest.mark.parametrize("last", ["0", "-1", "99999999", "9" * 30, "x", "²"])
async def test_whoever_was_away_too_long_is_told_how_things_stand(
    client: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    monkeypatch.setattr(stream, "REPLAYED", 3)
    await client.connect(sandbox)
    async with events(client, last) as line:
        told = await line.hear()
        assert told["type"] == "snapshot"
        assert told["items"][0]["state"] == "idle"
