import asyncio
import json
import time
from typing import Any

import pytest
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from domain.errors import ConnectionNotFound
from infrastructure.settings.settings import read_settings
from interfaces.http.app import create_app
from interfaces.http.context import app_state_of
from interfaces.http.middleware.rate_limit_policies import ANONYMOUS, LIVE
from interfaces.live import connection_limits, websocket
from tests.deadlines import scaled
from tests.dev_tokens import ADA, BOB, token_of
from tests.interfaces.http.auth.authenticators import UnavailableAuthenticator
from tests.interfaces.http.fake_service import STATUS_DOCUMENT, FakeService
from tests.interfaces.http.middleware.quotas import use_up
from tests.interfaces.live.conftest import ORIGIN, FakeLiveUpdates
from tests.interfaces.loopback_server import serve_on_loopback

SNAPSHOT = {"type": "snapshot", "items": [STATUS_DOCUMENT]}


def open_websocket(base_url: str, **options: Any) -> connect:
    return connect(base_url.replace("http", "ws") + "/ws/sync-status", proxy=None, **options)


async def receive(client: ClientConnection) -> Any:
    """Receive a message; returns it without its consistency token."""
    message = json.loads(await asyncio.wait_for(client.recv(), scaled(5)))
    if message["type"] == "snapshot":
        assert message.pop("consistency_token")
    return message


async def close_code(client: ClientConnection) -> int | None:
    with pytest.raises(ConnectionClosed):
        await asyncio.wait_for(_receive_until_closed(client), scaled(15))
    return client.close_code


async def _receive_until_closed(client: ClientConnection) -> None:
    while True:
        await client.recv()


async def authenticate(client: ClientConnection, **claims: Any) -> Any:
    await client.send(json.dumps({"type": "auth", "token": token_of(**claims)}))
    return await receive(client)


async def test_the_first_message_may_carry_the_token(base_url: str) -> None:
    async with open_websocket(base_url) as client:
        assert await authenticate(client) == SNAPSHOT
        assert client.subprotocol is None


async def test_the_subprotocol_may_carry_the_token_which_is_not_sent_back(base_url: str) -> None:
    async with open_websocket(base_url, subprotocols=["bearer", token_of()]) as client:
        assert await receive(client) == SNAPSHOT
        assert client.subprotocol == "bearer"


async def test_a_client_receives_only_the_syncs_of_its_user(
    base_url: str, live_updates: FakeLiveUpdates
) -> None:
    async with open_websocket(base_url, subprotocols=["bearer", token_of(BOB)]) as client:
        assert await receive(client) == {"type": "snapshot", "items": []}
        assert live_updates.subscribers == [BOB]


async def test_changes_follow_the_snapshot(base_url: str, live_updates: FakeLiveUpdates) -> None:
    async with open_websocket(base_url) as client:
        await authenticate(client)
        live_updates.messages.put_nowait(b'{"type":"sync"}')
        live_updates.messages.put_nowait(b'{"type":"grade"}')
        assert [await receive(client), await receive(client)] == [
            {"type": "sync"},
            {"type": "grade"},
        ]
        live_updates.messages.put_nowait(None)
        assert await close_code(client) == 1013


async def test_a_disconnected_client_is_unsubscribed(
    base_url: str, live_updates: FakeLiveUpdates
) -> None:
    async with open_websocket(base_url) as client:
        await authenticate(client)
        assert live_updates.subscribers == [ADA]
    await asyncio.wait_for(live_updates.unsubscribed.wait(), scaled(5))
    assert live_updates.subscribers == []


@pytest.mark.parametrize(
    "first",
    [
        "nonsense",
        "[]",
        '{"type": "hello"}',
        '{"type": "auth"}',
        '{"type": "auth", "token": "x"}',
        json.dumps({"type": "auth", "token": token_of(ttl=-60)}),
        json.dumps({"type": "auth", "token": token_of(role="anon")}),
        b"\xff",
    ],
    ids=["text", "list", "hello", "no-token", "garbage", "expired", "anon", "bytes"],
)
async def test_a_first_message_without_a_valid_token_closes_the_connection(
    base_url: str, live_updates: FakeLiveUpdates, first: str | bytes
) -> None:
    async with open_websocket(base_url) as client:
        await client.send(first)
        assert await close_code(client) == 4401
    assert live_updates.subscribers == []


@pytest.mark.parametrize("offered", [["bearer", "garbage"], ["bearer", "a", "b"]])
async def test_an_invalid_subprotocol_token_closes_the_connection(
    base_url: str, offered: list[str]
) -> None:
    async with open_websocket(base_url, subprotocols=offered) as client:
        assert await close_code(client) == 4401


async def test_a_client_that_sends_no_token_in_time_is_closed(
    base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_limits, "AUTH_TIMEOUT_SECONDS", 0.05)
    async with open_websocket(base_url) as client:
        assert await close_code(client) == 4401


async def test_the_connection_is_closed_when_the_token_expires(
    base_url: str, live_updates: FakeLiveUpdates
) -> None:
    expires_at = int(time.time()) + 2
    async with open_websocket(base_url) as client:
        await authenticate(client, exp=expires_at)
        assert await close_code(client) == 4401
        assert expires_at <= time.time() < expires_at + scaled(3)
    assert live_updates.subscribers == []


def test_a_close_reason_fits_into_a_close_frame() -> None:
    reason = websocket.ClosedByServer(1013, "é" * 100).reason
    assert reason == "é" * 61


async def test_a_message_over_64_kib_closes_the_connection(base_url: str) -> None:
    async with open_websocket(base_url) as client:
        await authenticate(client)
        await client.send("x" * 65536)
        await client.send("x" * 65537)
        assert await close_code(client) == 1009


async def test_a_client_that_does_not_read_is_disconnected(
    base_url: str, live_updates: FakeLiveUpdates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "WEBSOCKET_SEND_TIMEOUT_SECONDS", 0.2)
    async with open_websocket(base_url, max_queue=1, max_size=None) as client:
        await authenticate(client)
        for _ in range(300):
            live_updates.messages.put_nowait(b'"%s"' % (b"x" * 100_000))
        await asyncio.wait_for(live_updates.unsubscribed.wait(), scaled(10))
        assert live_updates.messages.qsize() > 0
        assert await close_code(client) == 1013


async def test_pages_of_other_origins_are_refused(base_url: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with open_websocket(base_url, origin="https://evil.example"):
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("is_own", [True, False], ids=["own", "allowed"])
async def test_pages_of_the_own_or_an_allowed_origin_are_accepted(
    base_url: str, *, is_own: bool
) -> None:
    async with open_websocket(base_url, origin=base_url if is_own else ORIGIN) as client:
        assert await authenticate(client) == SNAPSHOT


async def test_an_application_error_closes_with_try_again_later(
    base_url: str, service: FakeService
) -> None:
    service.error = ConnectionNotFound(ADA)
    async with open_websocket(base_url) as client:
        await client.send(json.dumps({"type": "auth", "token": token_of()}))
        assert await close_code(client) == 1013


async def test_connections_per_person_are_limited(
    base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_limits, "MAX_CONNECTIONS_PER_PERSON", 1)
    own_protocols, bob_protocols = ["bearer", token_of()], ["bearer", token_of(BOB)]
    async with open_websocket(base_url, subprotocols=own_protocols) as first:
        assert await receive(first) == SNAPSHOT
        async with open_websocket(base_url, subprotocols=own_protocols) as second:
            assert await close_code(second) == 4429
        async with open_websocket(base_url, subprotocols=bob_protocols) as other:
            await receive(other)


async def test_new_connections_of_a_person_are_rate_limited(base_url: str, app: FastAPI) -> None:
    await use_up(app_state_of(app).request_counters, LIVE, str(ADA))
    async with open_websocket(base_url, subprotocols=["bearer", token_of()]) as client:
        assert await close_code(client) == 4429


async def test_bad_tokens_of_an_address_are_counted(base_url: str, app: FastAPI) -> None:
    async with open_websocket(base_url, subprotocols=["bearer", "garbage"]) as client:
        assert await close_code(client) == 4401
    counters = app_state_of(app).request_counters
    assert counters.local_count("strangers/127.0.0.1").requests == 1
    await use_up(counters, ANONYMOUS, "127.0.0.1")
    with pytest.raises(InvalidStatus) as refused:
        async with open_websocket(base_url, subprotocols=["bearer", "garbage"]):
            pass
    assert refused.value.response.status_code == 429
    assert "retry-after" in refused.value.response.headers


async def test_bad_tokens_of_an_address_do_not_keep_out_valid_ones(
    base_url: str, app: FastAPI
) -> None:
    await use_up(app_state_of(app).request_counters, ANONYMOUS, "127.0.0.1")
    async with open_websocket(base_url, subprotocols=["bearer", token_of()]) as client:
        assert await receive(client) == SNAPSHOT
    async with open_websocket(base_url) as client:
        assert await authenticate(client, sub=str(BOB)) == {"type": "snapshot", "items": []}
    async with open_websocket(base_url) as client:
        await client.send(json.dumps({"type": "auth", "token": "garbage"}))
        assert await close_code(client) == 4429


async def test_without_keys_to_verify_tokens_the_client_can_try_later(
    service: FakeService,
) -> None:
    app = create_app(
        service.as_service(),
        read_settings(_env_file=None),
        authenticator=UnavailableAuthenticator(),
    )
    async with (
        serve_on_loopback(app) as base_url,
        open_websocket(base_url, subprotocols=["bearer", token_of()]) as client,
    ):
        assert await close_code(client) == 1013
    counters = app_state_of(app).request_counters
    assert counters.local_count("strangers/127.0.0.1").requests == 1
