"""Bodies in many chunks, and bodies that nothing reads, cost the server little."""

import asyncio
import time
from contextlib import suppress

import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from interfaces.http.server.protocol import HEAD_TIMEOUT_SECONDS, MAX_CHUNKS
from tests.deadlines import scaled
from tests.dev_tokens import token_of
from tests.interfaces.http.server.raw_connection import LIVE, connect
from tests.interfaces.loopback_server import serve_on_loopback

HEADS = {
    "unlimited": b"GET /health/live HTTP/1.1\r\n",
    "no-route": b"POST /nowhere HTTP/1.1\r\n",
    "command": b"POST /api/v1/canvas/setup HTTP/1.1\r\n",
}
CHUNK = b"1\r\n \r\n"
CHUNKED = b"Host: test\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("name", HEADS)
async def test_a_body_of_many_chunks_ends_its_connection(app: FastAPI, name: str) -> None:
    request = HEADS[name] + CHUNKED + CHUNK * (50 * MAX_CHUNKS)
    async with serve_on_loopback(app) as base, connect(base) as connection:
        connection.writer.write(request)
        started = time.thread_time()
        with suppress(ConnectionError):
            response = await asyncio.wait_for(connection.reader.read(), scaled(5))
            assert b"HTTP/1.1 400 " in response
        # The server is in this thread; all chunks together would take 0.2 s and more.
        assert time.thread_time() - started < scaled(0.1)


async def send_repeatedly(writer: asyncio.StreamWriter, data: bytes) -> None:
    while True:
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("name", HEADS)
async def test_a_large_body_ends_its_connection(app: FastAPI, name: str) -> None:
    chunk = b"%x\r\n" % 65_536 + bytes(65_536) + b"\r\n"
    async with serve_on_loopback(app) as base, connect(base) as connection:
        connection.writer.write(HEADS[name] + CHUNKED)
        sending = asyncio.create_task(send_repeatedly(connection.writer, chunk))
        # Shorter than the time that a body has after its response.
        await asyncio.wait([sending], timeout=HEAD_TIMEOUT_SECONDS / 2)
        assert isinstance(sending.exception(), ConnectionError)


WRONG_ENDS = {
    "not-http": (LIVE + b"\0\r\n\r\n", 400),
    "two-hosts": (LIVE + LIVE.replace(b"Host", b"Host: a\r\nHost"), 400),
    "no-http-after-a-pipeline": (LIVE * 5 + b"\0\r\n\r\n", 400),
    "long-pipeline": (LIVE * 50, 503),
}


@pytest.mark.parametrize("name", WRONG_ENDS)
async def test_what_follows_a_request_and_is_wrong_causes_no_internal_error(
    app: FastAPI, name: str
) -> None:
    with capture_logs() as messages:
        async with serve_on_loopback(app) as base, connect(base) as connection:
            connection.writer.write(WRONG_ENDS[name][0])
            response = await asyncio.wait_for(connection.reader.read(), scaled(5))
    assert b"HTTP/1.1 %d " % WRONG_ENDS[name][1] in response
    assert not [message for message in messages if message["log_level"] == "error"]


async def test_a_body_of_a_few_thousand_chunks_is_read(app: FastAPI) -> None:
    body = b'{"canvas_url": "https://school.instructure.com"' + b" " * (MAX_CHUNKS - 100)
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"1\r\n}\r\n0\r\n\r\n"
    token = b"Authorization: Bearer %s\r\n" % token_of().encode()
    request = HEADS["command"] + token + b"Content-Type: application/json\r\n" + CHUNKED + chunks
    async with serve_on_loopback(app) as base, connect(base) as connection:
        assert await connection.request(request) == 422
        assert await connection.request(LIVE) == 200
