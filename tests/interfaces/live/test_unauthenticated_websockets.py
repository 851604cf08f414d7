"""WebSockets that send no token: they keep out no other client, and end soon."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from interfaces.http.context import app_state_of
from interfaces.live import connection_limits
from interfaces.live.connection_limits import ConnectionLimits
from tests.deadlines import scaled
from tests.dev_tokens import token_of

MANY = 40


def open_websocket(base_url: str, *, subprotocols: list[str] | None = None) -> connect:
    url = base_url.replace("http", "ws") + "/ws/sync-status"
    return connect(url, proxy=None, subprotocols=subprotocols)  # type: ignore[arg-type]  # a token is one


@asynccontextmanager
async def silent_websockets(base_url: str, count: int) -> AsyncIterator[list[ClientConnection]]:
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(open_websocket(base_url)) for _ in range(count)]
        yield opened


async def is_authenticated(client: ClientConnection) -> bool:
    """Send a token, and return whether the first message is the snapshot."""
    await client.send(json.dumps({"type": "auth", "token": token_of()}))
    message = json.loads(await asyncio.wait_for(client.recv(), scaled(5)))
    return bool(message["type"] == "snapshot")


async def close_code(client: ClientConnection) -> int | None:
    with pytest.raises(ConnectionClosed):
        await asyncio.wait_for(client.recv(), scaled(5))
    return client.close_code


@pytest.fixture
def few_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limits, "MAX_UNAUTHENTICATED_CONNECTIONS", 8)


@pytest.mark.usefixtures("few_places")
@pytest.mark.parametrize("by", ["message", "subprotocol"])
async def test_silent_clients_keep_out_no_other(base_url: str, by: str) -> None:
    async with silent_websockets(base_url, MANY) as silent:
        for _ in range(5):
            if by == "message":
                async with open_websocket(base_url) as honest:
                    assert await is_authenticated(honest)
            else:
                async with open_websocket(base_url, subprotocols=["bearer", token_of()]) as honest:
                    assert await asyncio.wait_for(honest.recv(), scaled(5))
        assert await close_code(silent[0]) == 1013


@pytest.mark.usefixtures("few_places")
async def test_the_oldest_is_shed_and_the_newest_still_authenticates(base_url: str) -> None:
    async with silent_websockets(base_url, 12) as waiting:
        for shed in waiting[:4]:
            assert await close_code(shed) == 1013
        for kept in waiting[4:]:
            assert await is_authenticated(kept)


async def test_more_than_a_few_of_one_address_have_a_short_time(
    base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_limits, "MAX_UNAUTHENTICATED_PER_ADDRESS", 4)
    monkeypatch.setattr(connection_limits, "SHORT_AUTH_TIMEOUT_SECONDS", 2)
    async with silent_websockets(base_url, 10) as waiting:
        assert await is_authenticated(waiting[0]), "there is time for a slow network"
        for shed in waiting[1:6]:
            assert await close_code(shed) == 1013
        for kept in waiting[6:]:
            assert await is_authenticated(kept)


async def test_the_address_with_the_most_is_shed_first() -> None:
    limits = ConnectionLimits()
    async with AsyncExitStack() as stack:
        other = stack.enter_context(limits.unauthenticated("192.0.2.1"))
        crowd = [
            stack.enter_context(limits.unauthenticated("198.51.100.7"))
            for _ in range(connection_limits.MAX_UNAUTHENTICATED_CONNECTIONS + 50)
        ]
        assert not other.is_shortened
        assert [each.is_shortened for each in crowd].index(False) == len(
            crowd
        ) - connection_limits.MAX_UNAUTHENTICATED_PER_ADDRESS
        with pytest.raises(TimeoutError):
            async with crowd[0].time_limit():
                await asyncio.sleep(scaled(5))


async def test_each_attempt_is_counted_when_it_arrives(base_url: str, app: FastAPI) -> None:
    counters = app_state_of(app).request_counters
    async with silent_websockets(base_url, 3):
        assert counters.local_count("strangers/127.0.0.1").requests == 3
    async with open_websocket(base_url, subprotocols=["bearer", token_of()]) as client:
        await client.recv()
    assert counters.local_count("strangers/127.0.0.1").requests == 3
