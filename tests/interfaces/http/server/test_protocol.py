import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from fastapi import FastAPI

from interfaces.http.server import protocol, uvicorn_server
from interfaces.http.server.uvicorn_server import create_config
from tests.deadlines import scaled
from tests.dev_tokens import bearer_headers
from tests.interfaces.http.fake_service import FakeService
from tests.interfaces.loopback_server import serve_on_loopback

LIVENESS_REQUEST = b"GET /health/live HTTP/1.1\r\nHost: test\r\n"


@asynccontextmanager
async def open_connection(
    app: FastAPI,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with serve_on_loopback(app) as base:
        host, port = base.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            yield reader, writer
        finally:
            writer.transport.abort()


async def read_response(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], Any]:
    """Return the status, the headers and the JSON body of one response."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), scaled(10))
    status, *lines = head.decode().strip().split("\r\n")
    headers = {name.lower(): value for name, value in (each.split(": ", 1) for each in lines)}
    body = await reader.readexactly(int(headers["content-length"]))
    return int(status.split()[1]), headers, json.loads(body)


async def expect_problem(reader: asyncio.StreamReader, status: int, slug: str) -> None:
    actual_status, headers, problem = await read_response(reader)
    assert (actual_status, problem["type"], problem["status"]) == (
        status,
        f"/problems/{slug}",
        status,
    )
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers
    assert await asyncio.wait_for(reader.read(), scaled(10)) == b"", "the connection is not closed"


@pytest.mark.parametrize(
    ("sent", "status", "slug"),
    [
        (b"NONSENSE\r\n\r\n", 400, "bad-request"),
        (LIVENESS_REQUEST + b"X-Long: " + b"x" * 1_000_000, 431, "head-too-large"),
        (LIVENESS_REQUEST + b"X-Long: " + b"x" * 40_000 + b"\r\n\r\n", 431, "head-too-large"),
        (LIVENESS_REQUEST + b"X: y\r\n" * 101 + b"\r\n", 431, "head-too-large"),
        (b"GET /" + b"x" * 1_000_000, 431, "head-too-large"),
        (b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: test\r\n\r\n", 431, "head-too-large"),
    ],
    ids=["nonsense", "endless-header", "long-header", "many-headers", "endless-url", "long-url"],
)
async def test_a_request_head_over_a_limit_is_refused(
    app: FastAPI, sent: bytes, status: int, slug: str
) -> None:
    async with open_connection(app) as (reader, writer):
        writer.write(sent)
        await expect_problem(reader, status, slug)


HOST = b"Host: test\r\n"
ROUTES = [b"/health/live", b"/nowhere", b"/api/v1/live"]


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("hosts", [b"", HOST * 2, HOST + b"host: other\r\n"])
@pytest.mark.parametrize("upgrade", [b"", b"Connection: upgrade\r\nUpgrade: websocket\r\n"])
async def test_a_request_needs_one_host(
    app: FastAPI, path: bytes, hosts: bytes, upgrade: bytes
) -> None:
    async with open_connection(app) as (reader, writer):
        writer.write(b"GET " + path + b" HTTP/1.1\r\n" + hosts + upgrade + b"\r\n")
        await expect_problem(reader, 400, "bad-request")


async def test_http_1_0_needs_no_host_but_not_two(app: FastAPI) -> None:
    async with open_connection(app) as (reader, writer):
        writer.write(b"GET /health/live HTTP/1.0\r\n\r\n")
        assert (await read_response(reader))[0] == 200
    async with open_connection(app) as (reader, writer):
        writer.write(b"GET /health/live HTTP/1.0\r\n" + HOST * 2 + b"\r\n")
        await expect_problem(reader, 400, "bad-request")


async def test_a_long_head_within_the_limits_is_accepted(app: FastAPI) -> None:
    async with open_connection(app) as (reader, writer):
        for _ in range(3):
            writer.write(
                LIVENESS_REQUEST
                + b"X-Long: "
                + b"x" * 15_000
                + b"\r\n"
                + b"X: y\r\n" * 90
                + b"\r\n"
            )
            assert (await read_response(reader))[0] == 200


async def test_a_head_that_is_not_complete_in_time_is_refused(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_SECONDS", 0.2)
    async with open_connection(app) as (reader, writer):
        writer.write(LIVENESS_REQUEST)
        await expect_problem(reader, 408, "request-timeout")


async def test_an_unused_connection_is_closed_without_a_response(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_SECONDS", 0.2)
    async with open_connection(app) as (reader, _):
        assert await asyncio.wait_for(reader.read(), scaled(10)) == b""


async def test_the_second_head_on_a_connection_has_the_same_timeout(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_SECONDS", 1)
    async with open_connection(app) as (reader, writer):
        writer.write(LIVENESS_REQUEST + b"\r\n")
        assert (await read_response(reader))[0] == 200
        writer.write(LIVENESS_REQUEST)
        await expect_problem(reader, 408, "request-timeout")


async def test_a_head_that_arrives_with_the_request_before_it_has_the_same_timeout(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_SECONDS", 1)
    async with open_connection(app) as (reader, writer):
        writer.write(LIVENESS_REQUEST + b"\r\n" + LIVENESS_REQUEST)
        assert (await read_response(reader))[0] == 200
        await expect_problem(reader, 408, "request-timeout")


def test_keep_alive_is_longer_than_the_minute_of_common_proxies(app: FastAPI) -> None:
    assert create_config(app).timeout_keep_alive > 60


async def test_a_response_that_is_not_read_is_aborted(
    app: FastAPI, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.stats = b'"%s"' % (b"x" * 20_000_000)
    monkeypatch.setattr(protocol, "SLOW_READER_TIMEOUT_SECONDS", 0.2)
    async with open_connection(app) as (reader, writer):
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # sockets can be read
        authorization = bearer_headers()["Authorization"].encode()
        head = b"GET /api/v1/dashboard/stats HTTP/1.1\r\nHost: test\r\nAuthorization: "
        writer.write(head + authorization + b"\r\n\r\n")
        await asyncio.sleep(2)
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(20_000_000), scaled(10))


async def test_a_body_that_never_arrives_closes_the_connection_after_the_response(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_SECONDS", 1)
    async with open_connection(app) as (reader, writer):
        writer.write(
            b"POST /api/v1/canvas/setup HTTP/1.1\r\nHost: test\r\nContent-Length: 60000\r\n\r\n"
        )
        assert (await read_response(reader))[0] == 401
        with suppress(ConnectionError):
            for _ in range(20):
                await asyncio.sleep(0.1)
                writer.write(b"x")
        await expect_end(reader)


async def test_bytes_that_begin_no_request_do_not_keep_a_connection(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uvicorn_server, "CONNECTION_KEEP_ALIVE_SECONDS", 0.3)
    async with open_connection(app) as (reader, writer):
        writer.write(LIVENESS_REQUEST + b"\r\n")
        assert (await read_response(reader))[0] == 200
        writer.write(b"\r\n")
        await expect_end(reader)


async def test_a_client_cannot_send_many_requests_without_reading_a_response(app: FastAPI) -> None:
    async with open_connection(app) as (reader, writer):
        writer.write((LIVENESS_REQUEST + b"\r\n") * 4000)
        received = await asyncio.wait_for(reader.read(), scaled(10))
    assert received.count(b"HTTP/1.1 200") <= protocol.MAX_PIPELINED_REQUESTS + 1


async def test_a_few_requests_may_be_sent_at_once(app: FastAPI) -> None:
    async with open_connection(app) as (reader, writer):
        writer.write((LIVENESS_REQUEST + b"\r\n") * protocol.MAX_PIPELINED_REQUESTS)
        for _ in range(protocol.MAX_PIPELINED_REQUESTS):
            assert (await read_response(reader))[0] == 200


async def test_a_slow_head_is_refused_however_long_its_path_is(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_SECONDS", 1)
    async with open_connection(app) as (reader, writer):
        writer.write(b"GET /")
        sender = asyncio.create_task(_send_slowly(writer))
        await expect_problem(reader, 408, "request-timeout")
        sender.cancel()


async def _send_slowly(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"eyJ-" * 250)
        await asyncio.sleep(0.05)


async def expect_end(reader: asyncio.StreamReader) -> None:
    """Check that the server closes the connection; it may reset it if data is left unread."""
    with suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), scaled(10)) == b""
