"""uvicorn's HTTP protocol with limits: header size and time, slow readers, open connections."""

import asyncio
from typing import Any

import httptools
import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from interfaces.http.errors.problem import PROBLEM_MEDIA_TYPE
from interfaces.http.errors.problem_types import PROBLEM_TYPES
from interfaces.http.middleware.security_headers import STRICT_HEADERS

HEAD_TIMEOUT_SECONDS = 10.0
"""Seconds for the headers: from a new connection, or from the first byte of a later request."""
SLOW_READER_TIMEOUT_SECONDS = 30.0
"""Seconds for which a client may read nothing of a response before the connection is aborted."""
LINGER_SECONDS = 1.0
"""Seconds for which data of a refused client is still received and discarded."""
MAX_HEAD_BYTES, MAX_HEADERS = 32 * 1024, 100
"""Limits of the URL and all headers together, and of the number of headers."""
MAX_CONNECTIONS = 8192
"""Open connections in one process, including WebSockets; each needs about 40 KB."""


class HardenedHttpProtocol(HttpToolsProtocol):
    """Adds the limits that uvicorn does not have, and responds to bad requests with problems."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._error_slug = "bad-request"
        self._in_head = True
        self._unfinished_head_bytes = self._parsed_header_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._slow_reader_timer: asyncio.TimerHandle | None = None
        self._linger_timer: asyncio.TimerHandle | None = None
        self._is_rejected = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Start the timer for the first request, or refuse a connection above the limit."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            self._reject("overloaded", b"retry-after: 1\r\n")
        else:
            # Browsers open connections in advance: an unused one is closed without a response.
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_SECONDS, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel all timers."""
        _cancel_timers(self._head_timer, self._slow_reader_timer, self._linger_timer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse received bytes, and refuse headers that do not end within MAX_HEAD_BYTES."""
        if self._is_rejected:
            return
        was_in_head = self._in_head
        super().data_received(data)
        if was_in_head and self._in_head:
            self._unfinished_head_bytes += len(data)
            if self._unfinished_head_bytes > MAX_HEAD_BYTES:
                self._reject("head-too-large")

    def on_message_begin(self) -> None:
        """Reset the counters and start the timer for the headers of a request."""
        super().on_message_begin()
        self._in_head, self._unfinished_head_bytes, self._parsed_header_bytes = True, 0, 0
        self._start_head_timer()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count one header.

        Raises: HttpParserError above a limit, which makes uvicorn call `send_400_response`.
        """
        super().on_header(name, value)
        self._parsed_header_bytes += len(name) + len(value)
        if (
            self._parsed_header_bytes + len(self.url) > MAX_HEAD_BYTES
            or len(self.headers) > MAX_HEADERS
        ):
            self._error_slug = "head-too-large"
            raise httptools.HttpParserError

    def on_headers_complete(self) -> None:
        """Stop the timer: all headers have arrived.

        Raises: HttpParserError unless there is one `Host` (RFC 9112, 3.2); HTTP/1.0 needs none.
        """
        self._in_head = False
        _cancel_timers(self._head_timer)
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() != "1.0"):
            raise httptools.HttpParserError
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """Start the timer for a client that does not read."""
        super().pause_writing()
        self._slow_reader_timer = self.loop.call_later(
            SLOW_READER_TIMEOUT_SECONDS, self.transport.abort
        )

    def resume_writing(self) -> None:
        """Stop the timer: the client reads again."""
        super().resume_writing()
        _cancel_timers(self._slow_reader_timer)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # replaced by a problem
        """Send the problem of a request that cannot be parsed."""
        self._reject(self._error_slug)

    def _start_head_timer(self) -> None:
        _cancel_timers(self._head_timer)
        self._head_timer = self.loop.call_later(
            HEAD_TIMEOUT_SECONDS, self._reject, "request-timeout"
        )

    def _reject(self, slug: str, extra_headers: bytes = b"") -> None:
        if self._is_rejected or self.transport.is_closing():
            return
        self._is_rejected = True
        self.transport.write(_problem_response_bytes(slug, extra_headers))
        if self.transport.can_write_eof():
            # Closing with unread data would reset the connection, and the response could be lost.
            self.transport.write_eof()
            self._linger_timer = self.loop.call_later(LINGER_SECONDS, self.transport.abort)
        else:
            self.transport.close()


def _cancel_timers(*timers: asyncio.TimerHandle | None) -> None:
    for timer in timers:
        if timer:
            timer.cancel()


def _problem_response_bytes(slug: str, extra_headers: bytes) -> bytes:
    """Return a complete HTTP response, for a request that does not reach the application."""
    problem_type = PROBLEM_TYPES[slug]
    document = {
        "type": f"/problems/{slug}",
        "title": problem_type.title,
        "status": problem_type.status,
    }
    body = orjson.dumps(document | {"detail": problem_type.detail})
    security_lines = b"".join(b"%s: %s\r\n" % header for header in STRICT_HEADERS)
    return b"%scontent-type: %s\r\ncontent-length: %d\r\nconnection: close\r\n%s%s\r\n%s" % (
        STATUS_LINE[problem_type.status],
        PROBLEM_MEDIA_TYPE.encode(),
        len(body),
        security_lines,
        extra_headers,
        body,
    )
