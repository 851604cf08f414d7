"""uvicorn's WebSocket protocol with limits on what a client sends."""

import asyncio
import time
from asyncio.transports import BaseTransport
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from interfaces.http.server.client_connections import (
    CLIENT_CONNECTION_KEY,
    ClientConnection,
    Phase,
)
from interfaces.http.server.handshake_refusals import HandshakeProtocol
from interfaces.http.server.trusted_networks import unmapped

MAX_MESSAGES_PER_MINUTE = 10
"""Messages of a client; it has nothing to send but its token."""
MAX_FRAMES_PER_MINUTE = 120
"""Frames of a client, with pings, pongs and the parts of messages."""
WINDOW_SECONDS = 60.0
PARSED_BYTES = 2048
"""Received bytes that are parsed before the limits are checked; the shortest frame has 6."""
LINGER_SECONDS = 1.0
"""Seconds in which a client can read why its WebSocket is closed."""


class HardenedWebSocketProtocol(WebSocketsSansIOProtocol):
    """Closes with 1008 if a client sends more than it needs to, and reads no more from it."""

    def __init__(
        self, *args: Any, client_connection: ClientConnection | None, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.conn = HandshakeProtocol(max_size=self.config.ws_max_size, logger=self.logger)
        self._client_connection = client_connection
        self._window_began_at = time.monotonic()
        self._messages = self._frames = 0
        self._is_refused = False

    def connection_made(self, transport: BaseTransport) -> None:
        """Take the address of the client as IPv4 if a dual-stack socket accepted it."""
        super().connection_made(transport)
        if self.client:
            self.client = unmapped(self.client[0]), self.client[1]

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the connection no longer."""
        if self._client_connection:
            self._client_connection.enter(Phase.GONE)
        super().connection_lost(exc)

    async def run_asgi(self) -> None:
        """Serve the WebSocket; its scope has the connection, which its route marks."""
        scope: Any = self.scope
        scope[CLIENT_CONNECTION_KEY] = self._client_connection
        await super().run_asgi()

    def data_received(self, data: bytes) -> None:
        """Parse received bytes in short parts, so that few frames are parsed above a limit."""
        for start in range(0, len(data), PARSED_BYTES):
            if self._is_refused or self.transport.is_closing():
                return
            super().data_received(data[start : start + PARSED_BYTES])
            if self.conn.handshake_exc and not self.handshake_initiated:
                self._refuse_handshake()

    def handle_text(self, event: Frame) -> None:
        """Count a message."""
        if self._count_frame(messages=1):
            super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        """Count a message."""
        if self._count_frame(messages=1):
            super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        """Count a part of a message."""
        if self._count_frame():
            super().handle_cont(event)

    def handle_ping(self) -> None:
        """Count a ping."""
        if self._count_frame():
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """Count a pong."""
        if self._count_frame():
            super().handle_pong(event)

    def _count_frame(self, messages: int = 0) -> bool:
        """Count a frame, and return whether it is within the limits; otherwise close."""
        if self._is_refused:
            return False
        now = time.monotonic()
        if now - self._window_began_at > WINDOW_SECONDS:
            self._window_began_at, self._messages, self._frames = now, 0, 0
        self._messages += messages
        self._frames += 1
        if self._messages <= MAX_MESSAGES_PER_MINUTE and self._frames <= MAX_FRAMES_PER_MINUTE:
            return True
        self._refuse()
        return False

    def _refuse_handshake(self) -> None:
        """Respond to a handshake that cannot be parsed; uvicorn would leave it open."""
        self._is_refused = True
        self.handshake_complete = self.close_sent = True
        # Some refusals of the library are not in its output.
        output = b"".join(self.conn.data_to_send()) or self.conn.reject(400, "").serialize()
        self.transport.write(output)
        self.transport.close()

    def _refuse(self) -> None:
        self._is_refused = True
        if self.close_sent or not self.handshake_complete:
            self.transport.abort()
            return
        reason = "too many messages: nothing but a token is expected"
        self.conn.send_close(CloseCode.POLICY_VIOLATION, reason)
        self.queue.put_nowait(
            {"type": "websocket.disconnect", "code": CloseCode.POLICY_VIOLATION, "reason": reason}
        )
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.stop_keepalive()
        # Without the pause uvicorn would go on to read what is not wanted.
        self.transport.pause_reading()
        loop: asyncio.AbstractEventLoop = self.loop
        self.close_timer = loop.call_later(LINGER_SECONDS, self.transport.abort)
