"""What clients send wrongly cannot fill the log."""

import asyncio
import logging

import pytest
from fastapi import FastAPI

from interfaces.http.server.client_error_log import (
    MESSAGES_AT_ONCE,
    SECONDS_PER_MESSAGE,
    ClientErrorFilter,
)
from tests.deadlines import scaled
from tests.interfaces.http.server.raw_connection import connect
from tests.interfaces.loopback_server import serve_on_loopback

UPGRADE = b"GET %s HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: %s\r\n"
HANDSHAKE = UPGRADE % (b"/ws/sync-status", b"websocket") + (
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
INVALID_UTF8 = b"\x81\x81\x00\x00\x00\x00\xff"
WRONG_REQUESTS = {
    "not-http": [b"\0\r\n\r\n"],
    "large-head": [b"GET / HTTP/1.1\r\nHost: test\r\nA: " + b"a" * 40_000 + b"\r\n\r\n"],
    "upgrade": [UPGRADE % (b"/health/live", b"h2c") + b"\r\n"],
    "handshake": [HANDSHAKE.replace(b"13", b"0")],
    "no-utf-8": [HANDSHAKE, INVALID_UTF8],
}


@pytest.mark.parametrize("name", WRONG_REQUESTS)
async def test_wrong_requests_write_few_lines(
    app: FastAPI, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    async with serve_on_loopback(app) as base:
        for _ in range(3 * MESSAGES_AT_ONCE):
            async with connect(base) as connection:
                for sent in WRONG_REQUESTS[name]:
                    connection.writer.write(sent)
                    # A part of the response, or of the frame that closes the WebSocket.
                    await asyncio.wait_for(connection.reader.read(100_000), scaled(5))
    assert len(caplog.records) <= MESSAGES_AT_ONCE + 1
    assert not any(record.exc_info for record in caplog.records)


def test_messages_are_logged_again_later_and_others_always() -> None:
    seconds = [0.0]
    log_filter = ClientErrorFilter(now=lambda: seconds[0])

    def is_logged(message: str) -> bool:
        return log_filter.filter(logging.makeLogRecord({"msg": message}))

    wrong = "Invalid HTTP request received."
    assert [is_logged(wrong) for _ in range(MESSAGES_AT_ONCE + 1)][-2:] == [True, False]
    assert is_logged("Exception in ASGI application\n")
    seconds[0] += SECONDS_PER_MESSAGE
    assert [is_logged(wrong), is_logged(wrong)] == [True, False]
