"""Uvicorn's protocol with an end to its patience: for slow senders, slow readers and long heads."""

import asyncio
from typing import Any

import httptools
import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from interfaces.http.errors.problem import KINDS, MEDIA_TYPE
from interfaces.http.middleware.security_headers import STRICT

HEAD_SECONDS = 10.0
"""From the connection, or a request's first byte, until its head is whole."""
STALLED_SECONDS = 30.0
"""How long an answer may lie unread before the connection is cut."""
LINGER_SECONDS = 1.0
"""How long what a refused client goes on sending is thrown away."""
HEAD_BYTES, HEADERS = 32 * 1024, 100
CONNECTIONS = 8192
"""Open at a time in one process, WebSockets included; each costs some 40 KB."""


class PatientProtocol(HttpToolsProtocol):
    """What uvicorn leaves unbounded has a bound; what it says in plain text is a problem."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._refusal = "bad-request"
        self._in_head = True
        self._head_bytes = self._whole_bytes = 0
        self._head_due: asyncio.TimerHandle | None = None
        self._reading_due: asyncio.TimerHandle | None = None
        self._end_due: asyncio.TimerHandle | None = None
        self._is_refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for a request."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            self._refuse("overloaded", b"retry-after: 1\r\n")
        else:
            # A browser opens lines in advance: what is not begun is closed without a word.
            self._head_due = self.loop.call_later(HEAD_SECONDS, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        _stop(self._head_due, self._reading_due, self._end_due)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes in; a head that does not end is refused."""
        if self._is_refused:
            return
        was_in_head = self._in_head
        super().data_received(data)
        if was_in_head and self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse("head-too-large")

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head, self._head_bytes, self._whole_bytes = True, 0, 0
        self._expect_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header is whole; raises what makes the parser give up."""
        super().on_header(name, value)
        self._whole_bytes += len(name) + len(value)
        if self._whole_bytes + len(self.url) > HEAD_BYTES or len(self.headers) > HEADERS:
            self._refusal = "head-too-large"
            raise httptools.HttpParserError

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = False
        _stop(self._head_due)
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """The client does not read."""
        super().pause_writing()
        self._reading_due = self.loop.call_later(STALLED_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        _stop(self._reading_due)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # ours says more
        """Say what is wrong with a request that could not be parsed."""
        self._refuse(self._refusal)

    def _expect_head(self) -> None:
        _stop(self._head_due)
        self._head_due = self.loop.call_later(HEAD_SECONDS, self._refuse, "request-timeout")

    def _refuse(self, slug: str, more: bytes = b"") -> None:
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        self.transport.write(_refusal(slug, more))
        if self.transport.can_write_eof():
            # Closed with something unread, the connection would be reset and the answer lost.
            self.transport.write_eof()
            self._end_due = self.loop.call_later(LINGER_SECONDS, self.transport.abort)
        else:
            self.transport.close()


def _stop(*timers: asyncio.TimerHandle | None) -> None:
    for timer in timers:
        if timer:
            timer.cancel()


def _refusal(slug: str, more: bytes) -> bytes:
    """A whole answer, for a request that no application sees."""
    kind = KINDS[slug]
    document = {"type": f"/problems/{slug}", "title": kind.title, "status": kind.status}
    body = orjson.dumps(document | {"detail": kind.advice})
    secured = b"".join(b"%s: %s\r\n" % header for header in STRICT)
    return b"%scontent-type: %s\r\ncontent-length: %d\r\nconnection: close\r\n%s%s\r\n%s" % (
        STATUS_LINE[kind.status],
        MEDIA_TYPE.encode(),
        len(body),
        secured,
        more,
        body,
    )
