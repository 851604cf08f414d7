"""Configures uvicorn, and ends open event streams when the server shuts down."""

import asyncio
import logging
import socket

import uvicorn
from fastapi import FastAPI

from interfaces.http.middleware.internal_errors import ResponseAborted
from interfaces.http.server.protocol import HardenedHttpProtocol

CONNECTION_KEEP_ALIVE_SECONDS = 75
"""More than the 60 s for which proxies commonly keep an idle connection.

If the server closed it first, the next request of the proxy could fail.
"""


class Server(uvicorn.Server):
    """A server that ends open event streams before it waits for requests to end."""

    def __init__(self, config: uvicorn.Config, closing: asyncio.Event) -> None:
        super().__init__(config)
        self._closing = closing

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Set `closing`, which ends the streams; then stop."""
        self._closing.set()
        await super().shutdown(sockets)


def create_config(app: FastAPI, *, grace_seconds: int = 15) -> uvicorn.Config:
    """Create the configuration: no `Server` header, small messages, pings, a bounded shutdown.

    `grace_seconds` is the time that open requests have to end when the server shuts down.
    """
    config = uvicorn.Config(
        app,
        access_log=False,
        http=HardenedHttpProtocol,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=grace_seconds,
        timeout_keep_alive=CONNECTION_KEEP_ALIVE_SECONDS,
        ws_max_size=64 * 1024,
        ws_per_message_deflate=False,
        ws_ping_interval=20,
        ws_ping_timeout=20,
    )
    logging.getLogger("uvicorn.error").addFilter(_is_not_logged_yet)
    return config


def _is_not_logged_yet(record: logging.LogRecord) -> bool:
    """Whether uvicorn's message is not about an error that InternalErrorMiddleware has logged."""
    error = record.exc_info and record.exc_info[1]
    return not isinstance(error, ResponseAborted)
