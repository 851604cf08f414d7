"""A client of the WebSocket has nothing to send but its token; one that sends more is closed."""

import asyncio
import json
import os
import time

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.frames import Frame, Opcode

from interfaces.http.server import websocket_protocol
from tests.deadlines import scaled
from tests.dev_tokens import token_of

FRAMES = 200_000


def open_websocket(base_url: str) -> connect:
    url = base_url.replace("http", "ws") + "/ws/sync-status"
    return connect(url, proxy=None, subprotocols=["bearer", token_of()])  # type: ignore[list-item]  # a token is one


def serialized(opcode: Opcode, *, fin: bool = True) -> bytes:
    return Frame(opcode, b"x", fin).serialize(mask=True)


FLOODS = {
    "text": serialized(Opcode.TEXT),
    "binary": serialized(Opcode.BINARY),
    "ping": serialized(Opcode.PING),
    "pong": serialized(Opcode.PONG),
    "parts": serialized(Opcode.CONT, fin=False),
}


async def test_a_few_messages_are_ignored(base_url: str) -> None:
    async with open_websocket(base_url) as client:
        assert json.loads(await client.recv())["type"] == "snapshot"
        for _ in range(websocket_protocol.MAX_MESSAGES_PER_MINUTE):
            await client.send("x")
        for _ in range(20):
            await (await client.ping())


@pytest.mark.parametrize("kind", ["text", "binary", "ping", "pong"])
async def test_more_than_a_few_close_the_connection(base_url: str, kind: str) -> None:
    async with open_websocket(base_url) as client:
        await client.recv()
        client.transport.write(FLOODS[kind] * 1000)
        with pytest.raises(Exception, match="1008"):
            await asyncio.wait_for(client.recv(), scaled(5))
        assert client.close_code == 1008


@pytest.mark.parametrize("kind", FLOODS)
async def test_a_flood_costs_others_nothing(base_url: str, kind: str) -> None:
    start = serialized(Opcode.TEXT, fin=False) if kind == "parts" else b""
    async with (
        httpx2.AsyncClient(base_url=base_url) as other,
        open_websocket(base_url) as client,
    ):
        await client.recv()
        used = time.process_time()
        client.transport.write(start + FLOODS[kind] * FRAMES)
        assert (await other.get("/health/live")).status_code == 200
        await asyncio.wait_for(client.wait_closed(), scaled(10))
        assert time.process_time() - used < scaled(1.0), "all frames are parsed"


async def test_a_flood_without_a_token_is_closed_as_well(base_url: str) -> None:
    url = base_url.replace("http", "ws") + "/ws/sync-status"
    async with connect(url, proxy=None) as client:
        client.transport.write(FLOODS["ping"] * FRAMES)
        await asyncio.wait_for(client.wait_closed(), scaled(10))
        assert client.close_code in {1006, 1008}


async def test_the_limit_is_one_of_a_minute(base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_protocol, "WINDOW_SECONDS", 0.2)
    async with open_websocket(base_url) as client:
        await client.recv()
        for _ in range(5):
            for _ in range(websocket_protocol.MAX_MESSAGES_PER_MINUTE // 2):
                await client.send(os.urandom(8))
            await asyncio.sleep(0.25)
        await (await client.ping())
