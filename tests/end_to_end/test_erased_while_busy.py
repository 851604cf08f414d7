"""A sync that runs and live connections end when their person is erased."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import psycopg
import pytest

from infrastructure.canvas_sandbox.options import SandboxOptions
from infrastructure.canvas_sandbox.sandbox_server import Sandbox, running_sandbox
from infrastructure.settings.settings import Settings
from tests.deadlines import scaled
from tests.dev_tokens import ADA, token_of
from tests.end_to_end.conftest import running_service, wait_until


@pytest.fixture
async def slow_sandbox() -> AsyncIterator[Sandbox]:
    options = SandboxOptions(students=2, courses=3, assignments=6, latency_ms=400)
    async with running_sandbox(options) as canvas:
        yield canvas


async def test_a_running_sync_stops_and_records_nothing_more(
    settings: Settings, slow_sandbox: Sandbox, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    allowed = slow_sandbox.url.removeprefix("http://")
    slow = settings.model_copy(update={"canvas_allow_private": (allowed,)})
    async with running_service(slow) as (process, ada):
        body = {"canvas_url": slow_sandbox.url, "api_token": slow_sandbox.tokens[0]["token"]}
        assert (await ada("POST", "/api/v1/canvas/setup", json=body)).status == 201

        async def is_running() -> Any:
            statuses = (await ada.get("/api/v1/sync/status"))["items"]
            return [each["state"] for each in statuses] == ["running"]

        await wait_until(is_running)
        assert (await ada("DELETE", "/api/v1/me")).status == 204
        newest = await asyncio.to_thread(newest_position, database_url)

        async def is_idle() -> Any:
            return not process.queue.job_manager._received_job_ids  # what runs

        await wait_until(is_idle)
        requests = len(slow_sandbox.control.requests())
        await asyncio.sleep(1)
        assert len(slow_sandbox.control.requests()) == requests
        assert await asyncio.to_thread(newest_position, database_url) == newest
        assert await process.queue.waiting_connections() == set()
    assert "run_crashed" not in capsys.readouterr().err


def newest_position(url: str) -> int:
    with psycopg.connect(url) as connection:
        [(position,)] = connection.execute("SELECT max(position) FROM easeboard.events").fetchall()
    return int(position)


async def test_live_connections_are_closed_in_every_process(
    settings: Settings, sandbox: Sandbox
) -> None:
    api_only = frozenset({"api"})
    async with running_service(settings) as (_, ada), running_service(settings, api_only) as other:
        await ada.connect(sandbox)
        _, other_client = other
        async with aiohttp.ClientSession() as session:
            socket = await session.ws_connect(
                other_client.url.replace("http", "ws") + "/ws/sync-status",
                protocols=["bearer", token_of(ADA)],
            )
            assert (await socket.receive_json(timeout=scaled(10)))["type"] == "snapshot"
            headers = {"Authorization": f"Bearer {token_of(ADA)}"}
            events = await session.get(f"{ada.url}/api/v1/sync/events", headers=headers)
            assert b"snapshot" in await read_until(events, b"snapshot")
            assert (await ada("DELETE", "/api/v1/me")).status == 204
            message = await socket.receive(timeout=scaled(10))
            assert message.type == aiohttp.WSMsgType.CLOSE
            assert message.data == 4410
            assert b"event: erased" in await read_until(events, b"event: erased")
            again = await session.ws_connect(
                ada.url.replace("http", "ws") + "/ws/sync-status",
                protocols=["bearer", token_of(ADA)],
            )
            assert (await again.receive(timeout=scaled(10))).data == 4410


async def read_until(response: aiohttp.ClientResponse, text: bytes) -> bytes:
    received = b""
    async with asyncio.timeout(scaled(10)):
        while text not in received:
            received += await response.content.readany()
    return received
