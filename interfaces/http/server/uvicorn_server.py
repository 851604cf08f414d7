"""Configures uvicorn, and ends open event streams when the server shuts down."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from interfaces.http.middleware.internal_errors import ResponseAborted
from interfaces.http.server.client_connections import ClientConnections
from interfaces.http.server.client_error_log import CLIENT_ERROR_FILTER
from interfaces.http.server.fair_starts import FairStarts
from interfaces.http.server.file_budget import ACCEPTED_AT_ONCE
from interfaces.http.server.listener import BACKLOG, Listener
from interfaces.http.server.paced_responses import PacedResponses
from interfaces.http.server.protocol import HardenedHttpProtocol
from interfaces.http.server.unsent_bytes import UnsentBytes

CONNECTION_KEEP_ALIVE_SECONDS = 75
"""More than the 60 s for which proxies commonly keep an idle connection.

If the server closed it first, the next request of the proxy could fail.
"""


class Server(uvicorn.Server):
    """A server that ends open event streams before it waits for requests to end."""

    def __init__(self, config: uvicorn.Config, closing: asyncio.Event) -> None:
        super().__init__(config)
        self._closing = closing

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept; more connections wait in the kernel than are accepted in one step."""
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(BACKLOG)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Set `closing`, which ends the streams; then stop."""
        self._closing.set()
        await super().shutdown(sockets)


class _ServerWithoutSignals(Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit as error:
            raise RuntimeError("uvicorn did not start; the log has its error") from error


async def serve_until_cancelled(
    app: ASGIApp,
    listener: Listener,
    clients: ClientConnections,
    grace_seconds: int,
    closing: asyncio.Event,
) -> None:
    """Serve an application; when cancelled, open requests have `grace_seconds` to end.

    `closing` is set then, which ends open event streams.
    """
    config = create_config(app, clients, grace_seconds=grace_seconds)
    server = _ServerWithoutSignals(config, closing)
    serve_task = asyncio.create_task(server.serve(listener.sockets))
    try:
        await asyncio.shield(serve_task)
    finally:
        server.should_exit = True
        await serve_task


def create_config(
    app: ASGIApp, clients: ClientConnections | None = None, *, grace_seconds: int = 15
) -> uvicorn.Config:
    """Create the configuration: no `Server` header, small messages, pings, a bounded shutdown.

    `clients` counts the connections, and knows the proxies whose `X-Forwarded-For` and
    `X-Forwarded-Proto` count. `grace_seconds` is the time that open requests have to end when the
    server shuts down.
    """
    clients, unsent_bytes = clients or ClientConnections(), UnsentBytes()
    # uvicorn calls it like the class of a protocol.
    http_protocol: Any = partial(HardenedHttpProtocol, clients=clients, unsent_bytes=unsent_bytes)
    config = uvicorn.Config(
        FairStarts(PacedResponses(app, unsent_bytes)),
        access_log=False,
        backlog=ACCEPTED_AT_ONCE,
        forwarded_allow_ips=clients.trusted_proxies.with_mapped(),
        http=http_protocol,
        interface="asgi3",
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=grace_seconds,
        timeout_keep_alive=CONNECTION_KEEP_ALIVE_SECONDS,
        ws_max_size=64 * 1024,
        ws_per_message_deflate=False,
        ws_ping_interval=20,
        ws_ping_timeout=20,
    )
    uvicorn_logger = logging.getLogger("uvicorn.error")
    uvicorn_logger.addFilter(_is_not_logged_yet)
    uvicorn_logger.addFilter(CLIENT_ERROR_FILTER)
    return config


def _is_not_logged_yet(record: logging.LogRecord) -> bool:
    """Whether uvicorn's message is not about an error that InternalErrorMiddleware has logged."""
    error = record.exc_info and record.exc_info[1]
    return not isinstance(error, ResponseAborted)
