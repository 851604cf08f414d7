"""A WebSocket handshake that is refused gets a response, as any other request does."""

import asyncio
import json

import pytest
from fastapi import FastAPI

from interfaces.http.middleware.security_headers import STRICT_HEADERS
from tests.deadlines import scaled
from tests.dev_tokens import token_of
from tests.interfaces.http.server.raw_connection import COURSES, connect
from tests.interfaces.loopback_server import serve_on_loopback

HANDSHAKE = (
    b"GET /ws/sync-status HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"Sec-WebSocket-Protocol: bearer, %s\r\n"
)


@pytest.mark.parametrize(
    "hosts",
    [b"", b"Host: test\r\nHost: test\r\n", b"Host: test\r\nhost: evil.example\r\n"],
    ids=["none", "two", "two-different"],
)
async def test_a_handshake_without_one_host_is_refused(app: FastAPI, hosts: bytes) -> None:
    request = HANDSHAKE % token_of().encode() + hosts + b"\r\n"
    async with serve_on_loopback(app) as base, connect(base) as connection:
        assert await connection.request(request) == 400
        assert await connection.is_closed()


async def test_a_handshake_with_one_host_is_accepted(app: FastAPI) -> None:
    request = HANDSHAKE % token_of().encode() + b"Host: test\r\n\r\n"
    async with serve_on_loopback(app) as base, connect(base) as connection:
        connection.writer.write(request)
        head = await connection.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")


def handshake(*lines: bytes, method: bytes = b"GET", path: bytes = b"/ws/sync-status") -> bytes:
    """Return the head of a handshake with more header lines."""
    request = HANDSHAKE.partition(b"Sec-WebSocket-Protocol")[0].replace(b"GET", method)
    head = request.replace(b"/ws/sync-status", path) + b"Host: test\r\n"
    return head + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


LONG = b"secret-" * 1200
REFUSED_HANDSHAKES = {
    "long-header": (handshake(b"Cookie: " + LONG), 431),
    "many-subprotocols": (handshake(b"Sec-WebSocket-Protocol: " + b"a," * 5000), 431),
    "long-url": (handshake(path=b"/ws/sync-status?token=" + LONG), 431),
    "body": (handshake(b"Content-Length: 6") + b"secret", 400),
    "half-body": (handshake(b"Content-Length: 60") + b"secret", 400),
    "chunked": (handshake(b"Transfer-Encoding: chunked") + b"6\r\nsecret\r\n", 400),
    "post": (handshake(method=b"POST"), 405),
    "bad-subprotocol": (handshake(b'Sec-WebSocket-Protocol: bearer, "secret@@'), 400),
    "bad-key": (handshake(b"Sec-WebSocket-Key: secret"), 400),
    "no-route": (handshake(path=b"/secret"), 404),
    "other-origin": (handshake(b"Origin: https://secret.example"), 403),
}


@pytest.mark.parametrize("name", REFUSED_HANDSHAKES)
async def test_a_refused_handshake_is_answered_with_a_problem(app: FastAPI, name: str) -> None:
    request, status = REFUSED_HANDSHAKES[name]
    async with serve_on_loopback(app) as base, connect(base) as connection:
        connection.writer.write(request)
        response = await asyncio.wait_for(connection.reader.read(), scaled(5))
    head, _, body = response.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"x-request-id"] == json.loads(body)["request_id"].encode()
    assert {name for name, _ in STRICT_HEADERS} <= set(headers)
    # The path is the only part of a request that problems have.
    assert b"secret" not in response.replace(b'"instance":"/secret"', b"")


async def test_an_upgrade_before_an_earlier_response_is_refused(app: FastAPI) -> None:
    async with serve_on_loopback(app) as base, connect(base) as connection:
        connection.writer.write(COURSES + handshake())
        response = await asyncio.wait_for(connection.reader.read(), scaled(5))
    assert b" 101 " not in response
    assert b"HTTP/1.1 400 " in response
