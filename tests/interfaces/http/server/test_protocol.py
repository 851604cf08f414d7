import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI

from interfaces.http.server import protocol
from interfaces.http.server.uvicorn_server import server
from tests.dev_tokens import bearer
from tests.interfaces.http.fake_service import Told
from tests.interfaces.loopback_server import serving

ALIVE = b"GET /health/live HTTP/1.1\r\nHost: test\r\n"


@asynccontextmanager
async def line(app: FastAPI) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with serving(app) as base:
        host, port = base.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            yield reader, writer
        finally:
            writer.transport.abort()


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], Any]:
    """One answer, however it ends."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    status, *lines = head.decode().strip().split("\r\n")
    headers = {name.lower(): value for name, value in (each.split(": ", 1) for each in lines)}
    body = await reader.readexactly(int(headers["content-length"]))
    return int(status.split()[1]), headers, json.loads(body)


async def refused(reader: asyncio.StreamReader, status: int, slug: str) -> None:
    said, headers, problem = await answer(reader)
    assert (said, problem["type"], problem["status"]) == (status, f"/problems/{slug}", status)
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers
    assert await asyncio.wait_for(reader.read(), 10) == b"", "and the connection is closed"


@pytest.mark.parametrize(
    ("sent", "status", "slug"),
    [
        (b"NONSENSE\r\n\r\n", 400, "bad-request"),
        (ALIVE + b"X-Long: " + b"x" * 1_000_000, 431, "head-too-large"),
        (ALIVE + b"X-Long: " + b"x" * 40_000 + b"\r\n\r\n", 431, "head-too-large"),
        (ALIVE + b"X: y\r\n" * 101 + b"\r\n", 431, "head-too-large"),
        (b"GET /" + b"x" * 1_000_000, 431, "head-too-large"),
        (b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: test\r\n\r\n", 431, "head-too-large"),
    ],
    ids=["nonsense", "endless-header", "long-header", "many-headers", "endless-url", "long-url"],
)
async def test_a_head_has_its_limits(app: FastAPI, sent: bytes, status: int, slug: str) -> None:
    async with line(app) as (reader, writer):
        writer.write(sent)
        await refused(reader, status, slug)


async def test_an_ordinary_long_head_passes(app: FastAPI) -> None:
    async with line(app) as (reader, writer):
        for _ in range(3):
            writer.write(ALIVE + b"X-Long: " + b"x" * 15_000 + b"\r\n" + b"X: y\r\n" * 90 + b"\r\n")
            assert (await answer(reader))[0] == 200


async def test_a_head_has_its_time(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    async with line(app) as (reader, writer):
        writer.write(ALIVE)
        await refused(reader, 408, "request-timeout")


async def test_a_line_nobody_uses_is_closed_without_a_word(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    async with line(app) as (reader, _):
        assert await asyncio.wait_for(reader.read(), 10) == b""


async def test_so_has_the_second_on_a_line(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.5)
    async with line(app) as (reader, writer):
        writer.write(ALIVE + b"\r\n")
        assert (await answer(reader))[0] == 200
        writer.write(ALIVE)
        await refused(reader, 408, "request-timeout")


def test_a_proxy_that_keeps_its_lines_for_a_minute_never_finds_one_closed(app: FastAPI) -> None:
    assert server(app).config.timeout_keep_alive > 60


async def test_an_answer_nobody_reads_is_cut_off(
    app: FastAPI, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def much(*_: Any, **__: Any) -> bytes:
        return b'"%s"' % (b"x" * 20_000_000)

    monkeypatch.setattr(told, "stats_of", much)
    monkeypatch.setattr(protocol, "STALLED_SECONDS", 0.2)
    async with line(app) as (reader, writer):
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # sockets can be read
        authorization = bearer()["Authorization"].encode()
        head = b"GET /api/v1/dashboard/stats HTTP/1.1\r\nHost: test\r\nAuthorization: "
        writer.write(head + authorization + b"\r\n\r\n")
        await asyncio.sleep(2)
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(20_000_000), 10)


async def test_connections_are_counted(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "CONNECTIONS", 1)
    async with serving(app) as base:
        host, port = base.removeprefix("http://").split(":")
        first, writer = await asyncio.open_connection(host, int(port))
        writer.write(ALIVE + b"\r\n")
        assert (await answer(first))[0] == 200
        second, other = await asyncio.open_connection(host, int(port))
        await refused(second, 503, "overloaded")
        for each in (writer, other):
            each.transport.abort()
