"""Uvicorn's protocol with an end to its patience: for slow senders, slow readers and long heads."""

import asyncio
from typing import Any

import httptools
import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from interfaces.http.errors.problem import PROBLEM_MEDIA_TYPE, PROBLEM_TYPES
from interfaces.http.middleware.security_headers import STRICT_HEADERS

HEAD_TIMEOUT_SECONDS = 10.0
"""From the connection, or a request's first byte, until its head is whole."""
SLOW_READER_TIMEOUT_SECONDS = 30.0
"""How long an answer may lie unread before the connection is cut."""
LINGER_SECONDS = 1.0
"""How long what a refused client goes on sending is thrown away."""
MAX_HEAD_BYTES, MAX_HEADERS = 32 * 1024, 100
MAX_CONNECTIONS = 8192
"""Open at a time in one process, WebSockets included; each costs some 40 KB."""


class HardenedHttpProtocol(HttpToolsProtocol):
    """What uvicorn leaves unbounded has a bound; what it says in plain text is a problem."""

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
        """Begin to wait for a request."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            self._reject("overloaded", b"retry-after: 1\r\n")
        else:
            # A browser opens lines in advance: what is not begun is closed without a word.
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_SECONDS, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        _cancel_timers(self._head_timer, self._slow_reader_timer, self._linger_timer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes in; a head that does not end is refused."""
        if self._is_rejected:
            return
        was_in_head = self._in_head
        super().data_received(data)
        if was_in_head and self._in_head:
            self._unfinished_head_bytes += len(data)
            if self._unfinished_head_bytes > MAX_HEAD_BYTES:
                self._reject("head-too-large")

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head, self._unfinished_head_bytes, self._parsed_header_bytes = True, 0, 0
        self._start_head_timer()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header is whole; raises what makes the parser give up."""
        super().on_header(name, value)
        self._parsed_header_bytes += len(name) + len(value)
        if (
            self._parsed_header_bytes + len(self.url) > MAX_HEAD_BYTES
            or len(self.headers) > MAX_HEADERS
        ):
            self._error_slug = "head-too-large"
            raise httptools.HttpParserError

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = False
        _cancel_timers(self._head_timer)
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """The client does not read."""
        super().pause_writing()
        self._slow_reader_timer = self.loop.call_later(
            SLOW_READER_TIMEOUT_SECONDS, self.transport.abort
        )

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        _cancel_timers(self._slow_reader_timer)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # ours says more
        """Say what is wrong with a request that could not be parsed."""
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
            # Closed with something unread, the connection would be reset and the answer lost.
            self.transport.write_eof()
            self._linger_timer = self.loop.call_later(LINGER_SECONDS, self.transport.abort)
        else:
            self.transport.close()


def _cancel_timers(*timers: asyncio.TimerHandle | None) -> None:
    for timer in timers:
        if timer:
            timer.cancel()


def _problem_response_bytes(slug: str, extra_headers: bytes) -> bytes:
    """A whole answer, for a request that no application sees."""
    problem_type = PROBLEM_TYPES[slug]
    document = {
        "type": f"/problems/{slug}",
        "title": problem_type.title,
        "status": problem_type.status,
    }
    body = orjson.dumps(document | {"detail": problem_type.advice})
    security_lines = b"".join(b"%s: %s\r\n" % header for header in STRICT_HEADERS)
    return b"%scontent-type: %s\r\ncontent-length: %d\r\nconnection: close\r\n%s%s\r\n%s" % (
        STATUS_LINE[problem_type.status],
        PROBLEM_MEDIA_TYPE.encode(),
        len(body),
        security_lines,
        extra_headers,
        body,
    )
