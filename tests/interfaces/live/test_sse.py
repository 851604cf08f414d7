import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from interfaces.live import connection_limits, sse
from tests.dev_tokens import ADA, bearer
from tests.interfaces.http.fake_service import STATUS_DOCUMENT
from tests.interfaces.live.conftest import Feed
from tests.interfaces.loopback_server import serving

EVENTS = "/api/v1/sync/events"


@asynccontextmanager
async def following(
    base: str, *, last: str | None = None, **claims: Any
) -> AsyncIterator[httpx2.Response]:
    headers = bearer(**claims) | ({} if last is None else {"Last-Event-ID": last})
    async with (
        httpx2.AsyncClient(base_url=base, headers=headers, timeout=10) as client,
        client.stream("GET", EVENTS) as answer,
    ):
        yield answer


async def said(lines: AsyncIterator[str]) -> Any:
    async for line in lines:
        if line.startswith("data: "):
            return json.loads(line.removeprefix("data: "))
    raise AssertionError("the stream ended")


async def test_a_snapshot_then_what_changes(base: str, feed: Feed) -> None:
    async with following(base) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        lines = answer.aiter_lines()
        assert await said(lines) == {"type": "snapshot", "items": [STATUS_DOCUMENT]}
        assert feed.listeners == [ADA]
        feed.messages.put_nowait(b'{"type":"sync"}')
        assert await said(lines) == {"type": "sync"}
    await asyncio.wait_for(feed.deserted.wait(), 5)


async def test_each_event_has_the_position_one_may_go_on_from(base: str, feed: Feed) -> None:
    async with following(base) as answer:
        feed.messages.put_nowait(b"{}")
        feed.messages.put_nowait(b"{}")
        ids = []
        async for each in answer.aiter_lines():
            if each.startswith("id: "):
                ids.append(int(each.removeprefix("id: ")))
            if len(ids) == 3:
                break
    assert ids == [10_000, 10_001, 10_002]
    async with following(base, last="9999") as answer:
        feed.messages.put_nowait(b'{"type":"sync"}')
        assert await said(answer.aiter_lines()) == {"type": "sync"}
    assert feed.heard == [10_000, 9999]


@pytest.mark.parametrize("last", ["100", "10003", "", "x", "-5", "9" * 100])
async def test_whoever_names_no_position_of_late_begins_anew(
    base: str, feed: Feed, last: str
) -> None:
    async with following(base, last=last) as answer:
        assert (await said(answer.aiter_lines()))["type"] == "snapshot"
    assert feed.heard == [10_000]


async def test_whoever_does_not_read_is_let_go(
    base: str, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "PATIENCE", 0.2)
    for _ in range(300):
        feed.messages.put_nowait(b'"%s"' % (b"x" * 100_000))
    async with following(base):
        await asyncio.wait_for(feed.deserted.wait(), 10)
        assert feed.messages.qsize() > 0


async def test_silence_is_kept_alive(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "KEEP_ALIVE", 0.01)
    async with following(base) as answer:
        async for line in answer.aiter_lines():
            if line == ": still here":
                return
    raise AssertionError("no sign of life")


async def test_it_ends_with_the_token(base: str, feed: Feed) -> None:
    expires_at = int(time.time()) + 2
    async with following(base, exp=expires_at) as answer:
        async for _ in answer.aiter_lines():
            pass
    assert expires_at <= time.time() < expires_at + 3
    assert feed.listeners == []


async def test_it_ends_when_there_is_no_more_to_tell(base: str, feed: Feed) -> None:
    async with following(base) as answer:
        feed.messages.put_nowait(None)
        assert "snapshot" in "".join([line async for line in answer.aiter_lines()])


async def test_it_needs_a_token(base: str) -> None:
    async with httpx2.AsyncClient(base_url=base) as client:
        assert (await client.get(EVENTS)).status_code == 401


async def test_it_does_not_hold_up_the_end_of_the_server(app: FastAPI) -> None:
    async with AsyncExitStack() as after:
        async with serving(app) as base:
            answer = await after.enter_async_context(following(base))
            lines = answer.aiter_lines()
            await said(lines)
        assert [line async for line in lines if line] == []


async def test_one_person_has_so_many(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limits, "OF_ONE", 1)
    async with following(base) as answer, httpx2.AsyncClient(base_url=base) as client:
        await said(answer.aiter_lines())
        refused = await client.get(EVENTS, headers=bearer())
        assert (refused.status_code, refused.json()["type"]) == (429, "/problems/rate-limited")
        assert refused.headers["retry-after"] == "5"
