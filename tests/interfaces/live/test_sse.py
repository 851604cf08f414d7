import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from domain.log_position import LogPosition
from interfaces.live import connection_limits, sse
from interfaces.live.event_ids import encode_event_id
from tests.deadlines import scaled
from tests.dev_tokens import ADA, bearer_headers
from tests.interfaces.http.fake_service import STATUS_DOCUMENT
from tests.interfaces.live.conftest import FakeLiveUpdates
from tests.interfaces.loopback_server import serve_on_loopback

EVENTS = "/api/v1/sync/events"


@asynccontextmanager
async def open_event_stream(
    base_url: str, *, last_event_id: str | None = None, **claims: Any
) -> AsyncIterator[httpx2.Response]:
    headers = bearer_headers(**claims) | (
        {} if last_event_id is None else {"Last-Event-ID": last_event_id}
    )
    async with (
        httpx2.AsyncClient(base_url=base_url, headers=headers, timeout=scaled(10)) as client,
        client.stream("GET", EVENTS) as response,
    ):
        yield response


async def next_message(lines: AsyncIterator[str]) -> Any:
    async for line in lines:
        if line.startswith("data: "):
            return json.loads(line.removeprefix("data: "))
    raise AssertionError("the stream ended without a message")


async def test_the_stream_sends_a_snapshot_and_then_changes(
    base_url: str, live_updates: FakeLiveUpdates
) -> None:
    async with open_event_stream(base_url) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        lines = response.aiter_lines()
        snapshot = await next_message(lines)
        assert snapshot.pop("consistency_token")
        assert snapshot == {"type": "snapshot", "items": [STATUS_DOCUMENT]}
        assert live_updates.subscribers == [ADA]
        live_updates.messages.put_nowait(b'{"type":"sync"}')
        assert await next_message(lines) == {"type": "sync"}
    await asyncio.wait_for(live_updates.unsubscribed.wait(), scaled(5))


async def test_each_event_id_is_a_place_to_resume_from(
    base_url: str, live_updates: FakeLiveUpdates
) -> None:
    async with open_event_stream(base_url) as response:
        live_updates.messages.put_nowait(b"{}")
        live_updates.messages.put_nowait(b"{}")
        ids = []
        async for line in response.aiter_lines():
            if line.startswith("id: "):
                ids.append(line.removeprefix("id: "))
            if len(ids) == 3:
                break
    assert ids[0] == encode_event_id(live_updates.subscribed_after[0])
    assert ids[1:] == ["10001007", "10002007"]
    async with open_event_stream(base_url, last_event_id="9999007") as response:
        live_updates.messages.put_nowait(b'{"type":"sync"}')
        assert await next_message(response.aiter_lines()) == {"type": "sync"}
    assert live_updates.subscribed_after[1:] == [LogPosition(7, 9999)]


async def test_an_event_id_can_be_sent_in_the_query(
    base_url: str, live_updates: FakeLiveUpdates
) -> None:
    async with (
        httpx2.AsyncClient(base_url=base_url, headers=bearer_headers()) as client,
        client.stream("GET", EVENTS, params={"lastEventId": "9999007"}) as response,
    ):
        live_updates.messages.put_nowait(b'{"type":"sync"}')
        assert await next_message(response.aiter_lines()) == {"type": "sync"}
    assert live_updates.subscribed_after == [LogPosition(7, 9999)]


@pytest.mark.parametrize("last_event_id", ["10003007", "9999008", "x", "-5", "9" * 100])
async def test_an_id_that_cannot_be_resumed_from_restarts_with_a_snapshot_that_says_so(
    base_url: str, last_event_id: str
) -> None:
    async with open_event_stream(base_url, last_event_id=last_event_id) as response:
        message = await next_message(response.aiter_lines())
    assert (message["type"], message["missed"]) == ("snapshot", True)


async def test_a_resumed_stream_that_missed_too_much_restarts_with_a_snapshot(
    base_url: str, live_updates: FakeLiveUpdates
) -> None:
    live_updates.messages.put_nowait(None)
    async with open_event_stream(base_url, last_event_id="9999007") as response:
        message = await next_message(response.aiter_lines())
        assert (message["type"], message["missed"]) == ("snapshot", True)


async def test_an_empty_event_id_is_that_of_a_first_connection(base_url: str) -> None:
    async with open_event_stream(base_url, last_event_id="") as response:
        assert "missed" not in await next_message(response.aiter_lines())


async def test_a_client_that_does_not_read_is_disconnected(
    base_url: str, live_updates: FakeLiveUpdates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "SSE_SEND_TIMEOUT_SECONDS", 0.2)
    for _ in range(300):
        live_updates.messages.put_nowait(b'"%s"' % (b"x" * 100_000))
    async with open_event_stream(base_url):
        await asyncio.wait_for(live_updates.unsubscribed.wait(), scaled(10))
        assert live_updates.messages.qsize() > 0


async def test_an_idle_stream_sends_keep_alive_comments(
    base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "SSE_KEEP_ALIVE_SECONDS", 0.01)
    async with open_event_stream(base_url) as response:
        async for line in response.aiter_lines():
            if line == ": keep-alive":
                return
    raise AssertionError("the stream ended without a keep-alive comment")


async def test_the_stream_ends_when_the_token_expires(
    base_url: str, live_updates: FakeLiveUpdates
) -> None:
    expires_at = int(time.time()) + 2
    async with open_event_stream(base_url, exp=expires_at) as response:
        async for _ in response.aiter_lines():
            pass
    assert expires_at <= time.time() < expires_at + scaled(3)
    assert live_updates.subscribers == []


async def test_the_stream_ends_when_the_subscription_ends(
    base_url: str, live_updates: FakeLiveUpdates
) -> None:
    async with open_event_stream(base_url) as response:
        live_updates.messages.put_nowait(None)
        assert "snapshot" in "".join([line async for line in response.aiter_lines()])


async def test_the_stream_requires_a_token(base_url: str) -> None:
    async with httpx2.AsyncClient(base_url=base_url) as client:
        assert (await client.get(EVENTS)).status_code == 401


async def test_an_open_stream_does_not_delay_server_shutdown(app: FastAPI) -> None:
    async with AsyncExitStack() as stack:
        async with serve_on_loopback(app) as base_url:
            response = await stack.enter_async_context(open_event_stream(base_url))
            lines = response.aiter_lines()
            await next_message(lines)
        assert [line async for line in lines if line] == []


async def test_streams_per_person_are_limited(
    base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_limits, "MAX_CONNECTIONS_PER_PERSON", 1)
    async with (
        open_event_stream(base_url) as response,
        httpx2.AsyncClient(base_url=base_url) as client,
    ):
        await next_message(response.aiter_lines())
        refused = await client.get(EVENTS, headers=bearer_headers())
        assert (refused.status_code, refused.json()["type"]) == (429, "/problems/rate-limited")
        assert refused.headers["retry-after"] == "5"


async def test_streams_that_are_opened_at_once_are_limited_before_they_start(
    base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_limits, "MAX_CONNECTIONS_PER_PERSON", 2)

    async def open_stream(stack: AsyncExitStack) -> int:
        return (await stack.enter_async_context(open_event_stream(base_url))).status_code

    with capture_logs() as logs:
        async with AsyncExitStack() as stack:
            statuses = await asyncio.gather(*(open_stream(stack) for _ in range(20)))
    assert sorted(statuses) == [200] * 2 + [429] * 18
    assert not [log for log in logs if log["log_level"] == "error"]
