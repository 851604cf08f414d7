"""uvicorn's HTTP protocol with limits: header size and time, slow readers, open connections."""

import asyncio
from functools import partial
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from interfaces.http.server.client_connections import (
    CLIENT_CONNECTION_KEY,
    ClientConnection,
    ClientConnections,
    Phase,
)
from interfaces.http.server.early_problems import early_problem
from interfaces.http.server.paced_responses import ABORT_KEY, owner_of
from interfaces.http.server.trusted_networks import unmapped
from interfaces.http.server.unsent_bytes import UnsentBytes, WaitingBytes
from interfaces.http.server.websocket_protocol import HardenedWebSocketProtocol

HEAD_TIMEOUT_SECONDS = 10.0
"""Seconds for the headers: from a new connection, or from the first byte of a later request."""
SLOW_READER_TIMEOUT_SECONDS = 30.0
"""Seconds for which a client may read nothing of a response before the connection is aborted."""
LINGER_SECONDS = 1.0
"""Seconds for which data of a refused client is still received and discarded."""
MAX_HEAD_BYTES, MAX_HEADERS = 32 * 1024, 100
"""Limits of the URL and all headers together, and of the number of headers."""
MAX_CHUNKS = 4096
"""Chunks of one body; each costs as much as a kilobyte, and no client makes them so short."""
MAX_RECEIVED_BODY_BYTES = 1024 * 1024
"""Bytes of one body that are received, although nothing may read it."""
MAX_PIPELINED_REQUESTS = 16
"""Requests that a client may send before it has the response to the first of them."""
CROWDED_KEEP_ALIVE_SECONDS = 5
"""Seconds for which an idle connection stays open while connections are scarce."""
HEALTH_ONLY_SECONDS = 2.0
"""Seconds for the headers on a connection above the limit."""
HEALTH_PATHS = frozenset({b"/health/live", b"/health/ready"})


class HardenedHttpProtocol(HttpToolsProtocol):
    """Adds the limits that uvicorn does not have, and responds to bad requests with problems."""

    def __init__(
        self, *args: Any, clients: ClientConnections, unsent_bytes: UnsentBytes, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self._clients, self._unsent_bytes = clients, unsent_bytes
        self._client: ClientConnection | None = None
        self._waiting_bytes: WaitingBytes | None = None
        self._error_slug = "bad-request"
        self._in_head, self._in_body = True, False
        self._unfinished_head_bytes = self._parsed_header_bytes = 0
        self._chunks = self._body_bytes = 0
        self._served_cycle: RequestResponseCycle | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._body_timer: asyncio.TimerHandle | None = None
        self._slow_reader_timer: asyncio.TimerHandle | None = None
        self._linger_timer: asyncio.TimerHandle | None = None
        self._is_rejected = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Count the connection and start the timer for its first request, or refuse it."""
        super().connection_made(transport)
        if self.client:
            self.client = unmapped(self.client[0]), self.client[1]
        host = self.client[0] if self.client else ""
        self._client = client = self._clients.open(host, transport.abort)
        if client is None:
            self._is_rejected = True
            transport.write(_problem_response_bytes("overloaded"))
            transport.close()
            return
        seconds = HEALTH_ONLY_SECONDS if client.is_for_health_only else HEAD_TIMEOUT_SECONDS
        # Browsers open connections in advance: an unused one is closed without a response.
        self._head_timer = self.loop.call_later(seconds, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel all timers, and count nothing of this connection any longer."""
        _cancel_timers(self._head_timer, self._body_timer)
        _cancel_timers(self._slow_reader_timer, self._linger_timer)
        self._enter(Phase.GONE)
        self._release_waiting_bytes()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse received bytes, and refuse headers that do not end within MAX_HEAD_BYTES."""
        if self._is_rejected:
            return
        was_in_head = self._in_head
        super().data_received(data)
        if self._in_head and self._head_timer is None and not self._is_rejected:
            self._wait_for_head()
        if was_in_head and self._in_head:
            self._unfinished_head_bytes += len(data)
            if self._unfinished_head_bytes > MAX_HEAD_BYTES:
                self._reject("head-too-large")
        if self._client and self._client.phase is Phase.IDLE and not self.timeout_keep_alive_task:
            # Bytes that begin no request have stopped the timer.
            self._start_keep_alive_timer()

    def handle_websocket_upgrade(self) -> None:
        """Continue as a WebSocket that is not authenticated."""
        self._enter(Phase.GUEST)
        protocol: Any = partial(HardenedWebSocketProtocol, client_connection=self._client)
        self.ws_protocol_class = protocol
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        """Reset the counters, and stop the timer of a connection that waits for a request."""
        super().on_message_begin()
        scope: Any = self.scope
        scope[CLIENT_CONNECTION_KEY], scope[ABORT_KEY] = self._client, self.transport.abort
        self._in_head, self._unfinished_head_bytes, self._parsed_header_bytes = True, 0, 0
        self._chunks = self._body_bytes = 0
        _cancel_timers(self._head_timer)
        self._head_timer = None

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
        """Stop the timer, if the headers came in several pieces: all have arrived.

        Raises: HttpParserError unless there is one `Host` (RFC 9112, 3.2); HTTP/1.0 needs none.
        Also for an upgrade before the response to an earlier request, above
        MAX_PIPELINED_REQUESTS, and for all but health checks above the limit.
        """
        self._in_head, self._in_body = False, True
        _cancel_timers(self._head_timer)
        hosts = [name for name, _ in self.headers].count(b"host")
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() != "1.0"):
            raise httptools.HttpParserError
        if self.parser.should_upgrade() and self.cycle and not self.cycle.response_complete:
            raise httptools.HttpParserError  # its bytes would be mixed with that response
        path = self.url.partition(b"?")[0]
        is_for_health_only = self._client is not None and self._client.is_for_health_only
        if len(self.pipeline) >= MAX_PIPELINED_REQUESTS or (
            is_for_health_only and path not in HEALTH_PATHS
        ):
            self._error_slug = "overloaded"
            raise httptools.HttpParserError
        self._enter(Phase.BUSY)
        if self.client:
            self._clients.proxy_detector.observe(self.client[0], path, self.headers)
        super().on_headers_complete()
        if is_for_health_only:
            self.cycle.keep_alive = False

    def on_chunk_header(self) -> None:
        """Count a chunk of a body.

        Raises: HttpParserError above MAX_CHUNKS.
        """
        self._chunks += 1
        if self._chunks > MAX_CHUNKS:
            raise httptools.HttpParserError

    def on_body(self, body: bytes) -> None:
        """Receive a part of a body.

        Raises: HttpParserError above MAX_RECEIVED_BODY_BYTES.
        """
        self._body_bytes += len(body)
        if self._body_bytes > MAX_RECEIVED_BODY_BYTES:
            self._error_slug = "body-too-large"
            raise httptools.HttpParserError
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop the timer for the rest of a body."""
        self._in_body = False
        _cancel_timers(self._body_timer)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, for a short time if connections are scarce."""
        if not self.pipeline:
            self._enter(Phase.IDLE)
            if self._in_body:
                self._body_timer = self.loop.call_later(HEAD_TIMEOUT_SECONDS, self.transport.abort)
        self._set_keep_alive_seconds()
        super().on_response_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        # uvicorn's `cycle` is that of the last request of a pipeline.
        self._served_cycle = cycle
        super()._start_asgi_task(cycle, app)

    def pause_writing(self) -> None:
        """Start the timer for a client that does not read, and count what waits for it."""
        super().pause_writing()
        if self._client and self._client.phase is Phase.BUSY:
            self._enter(Phase.STALLED)
        scope: Any = self.scope
        size, abort = self.transport.get_write_buffer_size(), self.transport.abort
        self._slow_reader_timer = self.loop.call_later(SLOW_READER_TIMEOUT_SECONDS, abort)
        self._waiting_bytes = self._unsent_bytes.add(owner_of(scope), size, abort)

    def resume_writing(self) -> None:
        """Stop the timer: the client reads again."""
        super().resume_writing()
        _cancel_timers(self._slow_reader_timer)
        self._release_waiting_bytes()
        if self._client and self._client.phase is Phase.STALLED:
            self._enter(Phase.BUSY)

    def _enter(self, phase: Phase) -> None:
        if self._client:
            self._client.enter(phase)

    def _release_waiting_bytes(self) -> None:
        if self._waiting_bytes:
            self._unsent_bytes.release(self._waiting_bytes)
            self._waiting_bytes = None

    def _set_keep_alive_seconds(self) -> None:
        seconds = self.config.timeout_keep_alive
        crowded = self._clients.is_crowded
        self.timeout_keep_alive = min(seconds, CROWDED_KEEP_ALIVE_SECONDS) if crowded else seconds

    def _start_keep_alive_timer(self) -> None:
        self._set_keep_alive_seconds()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # replaced by a problem
        """Send the problem of a request that cannot be parsed."""
        self._reject(self._error_slug)

    def _wait_for_head(self) -> None:
        """Start the timer for the rest of headers; most requests arrive in one piece."""
        if self._client and self._client.phase in (Phase.UNUSED, Phase.IDLE):
            self._enter(Phase.HEAD)
        self._head_timer = self.loop.call_later(
            HEAD_TIMEOUT_SECONDS, self._reject, "request-timeout"
        )

    def _reject(self, slug: str) -> None:
        if self._is_rejected or self.transport.is_closing():
            return
        self._is_rejected = True
        served = self._served_cycle
        if served and not served.response_complete:
            served.disconnected = True  # it writes nothing from now on
            served.message_event.set()
            if served.response_started:
                self.transport.abort()
                return
        self.transport.write(_problem_response_bytes(slug))
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


def _problem_response_bytes(slug: str) -> bytes:
    """Return a complete HTTP response, for a request that does not reach the application."""
    status, headers, body = early_problem(slug)
    lines = b"".join(b"%s: %s\r\n" % header for header in headers)
    return b"%s%s\r\n%s" % (STATUS_LINE[status], lines, body)
