"""One run finds 906 changed grades: every WebSocket and event stream is told of each, in order."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import httpx2
import psycopg
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from infrastructure.settings.settings import read_settings
from interfaces.consistency_token import decode_consistency_token
from interfaces.http.app import create_app
from interfaces.http.auth.authenticator import open_authenticator
from tests.deadlines import scaled
from tests.dev_tokens import ADA, SECRET, bearer_headers, token_of
from tests.interfaces.http.fake_service import FakeService
from tests.interfaces.live.broadcast_fixture import (
    BroadcastFixture,
    SnapshotService,
    open_broadcast,
    projected,
)
from tests.interfaces.live.sync_driver import SyncDriver
from tests.interfaces.loopback_server import serve_on_loopback

COURSES, ASSIGNMENTS = 6, 151


@pytest.fixture
async def live(database_url: str) -> AsyncIterator[BroadcastFixture]:
    async with open_broadcast(database_url) as live:
        with projected(live):
            yield live


@pytest.fixture
async def base_url(live: BroadcastFixture) -> AsyncIterator[str]:
    snapshots = SnapshotService(live.read_pool)
    service = replace(
        FakeService().as_service(), read=snapshots.read, sync_status_of=snapshots.sync_status_of
    )
    async with open_authenticator(secret=SECRET, supabase_url=None) as authenticator:
        app = create_app(
            service,
            read_settings(_env_file=None),
            authenticator=authenticator,
            live_updates=live.broadcast,
        )
        async with serve_on_loopback(app) as url:
            yield url


async def over_websocket(base_url: str, ready: asyncio.Event) -> list[dict[str, Any]]:
    address = base_url.replace("http", "ws") + "/ws/sync-status"
    async with connect(
        address, proxy=None, subprotocols=[Subprotocol("bearer"), Subprotocol(token_of())]
    ) as client:
        messages = [json.loads(await client.recv())]
        ready.set()
        while not is_end(messages[-1]):
            messages.append(json.loads(await client.recv()))
        return messages


async def over_event_stream(base_url: str, ready: asyncio.Event) -> list[dict[str, Any]]:
    messages = []
    async with (
        httpx2.AsyncClient(base_url=base_url, headers=bearer_headers(), timeout=None) as client,
        client.stream("GET", "/api/v1/sync/events") as response,
    ):
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                messages.append(json.loads(line.removeprefix("data: ")))
                ready.set()
                if is_end(messages[-1]):
                    break
    return messages


def is_end(message: dict[str, Any]) -> bool:
    return bool(message["type"] == "sync" and message["sync"]["status"] == "completed")


def record_run(driver: SyncDriver, score: float) -> None:
    driver.request()
    driver.start()
    for number in range(COURSES):
        driver.record_grades(number, ASSIGNMENTS, score)
    driver.complete()


async def test_every_client_is_told_of_each_grade_once_and_in_order(
    live: BroadcastFixture, base_url: str
) -> None:
    driver = live.sync_driver(ADA)
    record_run(driver, 9.5)
    await live.read_models_caught_up()
    before = live.head.position
    async with asyncio.timeout(scaled(30)), AsyncExitStack() as stack:
        clients = []
        for follow in [over_websocket] * 3 + [over_event_stream] * 2:
            ready = asyncio.Event()
            clients.append(asyncio.ensure_future(follow(base_url, ready)))
            stack.callback(clients[-1].cancel)
            await ready.wait()
        record_run(driver, 4.25)
        received = await asyncio.gather(*clients)
    with psycopg.connect(live.url) as connection:
        rows = connection.execute(
            "SELECT position FROM easeboard.events"
            " WHERE topic = 'GradeChanged' AND position > %s ORDER BY position",
            [before],
        ).fetchall()
    assert len(rows) == COURSES * ASSIGNMENTS
    for messages in received:
        told = [
            decode_consistency_token(message["consistency_token"]).position
            for message in messages
            if message["type"] == "grade"
        ]
        assert told == [position for (position,) in rows]
