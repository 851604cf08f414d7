import asyncio
import json
import time
from typing import Any

import pytest
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from domain.errors import PersonIsErased
from interfaces.http.middleware.rate_limits import LIVE, STRANGERS
from interfaces.live import connection_limits, websocket
from tests.dev_tokens import ADA, BOB, token_of
from tests.interfaces.http.fake_service import STATUS_DOCUMENT, Told
from tests.interfaces.live.conftest import ORIGIN, Feed

SNAPSHOT = {"type": "snapshot", "items": [STATUS_DOCUMENT]}


def opening(base: str, **options: Any) -> connect:
    return connect(base.replace("http", "ws") + "/ws/sync-status", proxy=None, **options)


async def hear(client: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(client.recv(), 5))


async def closed_with(client: ClientConnection) -> int | None:
    with pytest.raises(ConnectionClosed):
        await asyncio.wait_for(_hear_all(client), 15)
    return client.close_code


async def _hear_all(client: ClientConnection) -> None:
    while True:
        await client.recv()


async def authenticated(client: ClientConnection, **claims: Any) -> Any:
    await client.send(json.dumps({"type": "auth", "token": token_of(**claims)}))
    return await hear(client)


async def test_the_first_message_may_say_who_one_is(base: str) -> None:
    async with opening(base) as client:
        assert await authenticated(client) == SNAPSHOT
        assert client.subprotocol is None


async def test_or_the_subprotocol_may_and_the_token_is_not_sent_back(base: str) -> None:
    async with opening(base, subprotocols=["bearer", token_of()]) as client:
        assert await hear(client) == SNAPSHOT
        assert client.subprotocol == "bearer"


async def test_everybody_hears_of_themselves_only(base: str, feed: Feed) -> None:
    async with opening(base, subprotocols=["bearer", token_of(BOB)]) as client:
        assert await hear(client) == {"type": "snapshot", "items": []}
        assert feed.listeners == [BOB]


async def test_then_comes_what_changes(base: str, feed: Feed) -> None:
    async with opening(base) as client:
        await authenticated(client)
        feed.messages.put_nowait(b'{"type":"sync"}')
        feed.messages.put_nowait(b'{"type":"grade"}')
        assert [await hear(client), await hear(client)] == [{"type": "sync"}, {"type": "grade"}]
        feed.messages.put_nowait(None)
        assert await closed_with(client) == 1013


async def test_who_leaves_is_forgotten(base: str, feed: Feed) -> None:
    async with opening(base) as client:
        await authenticated(client)
        assert feed.listeners == [ADA]
    await asyncio.wait_for(feed.deserted.wait(), 5)
    assert feed.listeners == []


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
async def test_whoever_does_not_say_who_they_are_is_shown_out(
    base: str, feed: Feed, first: str | bytes
) -> None:
    async with opening(base) as client:
        await client.send(first)
        assert await closed_with(client) == 4401
    assert feed.listeners == []


@pytest.mark.parametrize("offered", [["bearer", "garbage"], ["bearer", "a", "b"]])
async def test_a_bad_subprotocol_token_as_well(base: str, offered: list[str]) -> None:
    async with opening(base, subprotocols=offered) as client:
        assert await closed_with(client) == 4401


async def test_silence_is_no_answer(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "AUTH_WITHIN", 0.05)
    async with opening(base) as client:
        assert await closed_with(client) == 4401


async def test_an_expired_token_ends_it(base: str, feed: Feed) -> None:
    expires_at = int(time.time()) + 2
    async with opening(base) as client:
        await authenticated(client, exp=expires_at)
        assert await closed_with(client) == 4401
        assert expires_at <= time.time() < expires_at + 3
    assert feed.listeners == []


async def test_messages_have_a_limit(base: str) -> None:
    async with opening(base) as client:
        await authenticated(client)
        await client.send("x" * 65536)
        await client.send("x" * 65537)
        assert await closed_with(client) == 1009


async def test_whoever_does_not_read_is_let_go(
    base: str, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "PATIENCE", 0.2)
    async with opening(base, max_queue=1, max_size=None) as client:
        await authenticated(client)
        for _ in range(300):
            feed.messages.put_nowait(b'"%s"' % (b"x" * 100_000))
        await asyncio.wait_for(feed.deserted.wait(), 10)
        assert feed.messages.qsize() > 0
        assert await closed_with(client) == 1013


async def test_pages_of_other_origins_are_not_let_in(base: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with opening(base, origin="https://evil.example"):
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("own", [True, False], ids=["own", "allowed"])
async def test_pages_of_our_own_or_allowed_origins_are(base: str, *, own: bool) -> None:
    async with opening(base, origin=base if own else ORIGIN) as client:
        assert await authenticated(client) == SNAPSHOT


async def test_a_refusal_inside_asks_to_come_back(base: str, told: Told) -> None:
    told.raises = PersonIsErased(ADA)
    async with opening(base) as client:
        await client.send(json.dumps({"type": "auth", "token": token_of()}))
        assert await closed_with(client) == 1013


async def test_one_person_has_so_many_lines(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limits, "OF_ONE", 1)
    mine, bobs = ["bearer", token_of()], ["bearer", token_of(BOB)]
    async with opening(base, subprotocols=mine) as first:
        assert await hear(first) == SNAPSHOT
        async with opening(base, subprotocols=mine) as second:
            assert await closed_with(second) == 4429
        async with opening(base, subprotocols=bobs) as other:
            await hear(other)


async def test_only_so_many_are_let_in_unknown(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limits, "UNKNOWN", 1)
    async with opening(base) as silent:
        with pytest.raises(InvalidStatus) as refused:
            async with opening(base):
                pass
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["retry-after"] == "1"
        assert await authenticated(silent) == SNAPSHOT
        async with opening(base) as next_one:
            assert await authenticated(next_one) == SNAPSHOT


async def test_a_person_begins_so_many_a_minute(base: str, app: FastAPI) -> None:
    for _ in range(LIVE.quota):
        await app.state.counts.add(f"live/{ADA}", LIVE.quota)
    async with opening(base, subprotocols=["bearer", token_of()]) as client:
        assert await closed_with(client) == 4429


async def test_an_address_says_so_many_wrong_things_a_minute(base: str, app: FastAPI) -> None:
    async with opening(base, subprotocols=["bearer", "garbage"]) as client:
        assert await closed_with(client) == 4401
    assert app.state.counts.seen("strangers/127.0.0.1").times == 1
    for _ in range(STRANGERS.quota):
        await app.state.counts.add("strangers/127.0.0.1", STRANGERS.quota)
    with pytest.raises(InvalidStatus) as refused:
        async with opening(base):
            pass
    assert refused.value.response.status_code == 429
    assert "retry-after" in refused.value.response.headers
