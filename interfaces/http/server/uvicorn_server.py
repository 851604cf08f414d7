"""How uvicorn is to run the application."""

import logging
import socket
from typing import Any

import uvicorn
from fastapi import FastAPI

from interfaces.http.middleware.internal_errors import ResponseAborted
from interfaces.http.server.protocol import HardenedHttpProtocol

CONNECTION_KEEP_ALIVE_SECONDS = 75
"""Above the 60 s for which proxies keep a connection: who closes first breaks the next request."""


class Server(uvicorn.Server):
    """A server that lets open streams end before it waits for requests to end."""

    def __init__(self, app: FastAPI, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let everybody on the line go, then stop."""
        self._app.state.closing.set()
        await super().shutdown(sockets)


def create_server(app: FastAPI, **options: Any) -> Server:
    """A server for the application: silent about itself, small messages, pings, a bounded end.

    `options` are uvicorn's own, such as `host` and `port`.
    """
    config = uvicorn.Config(
        app,
        access_log=False,
        http=HardenedHttpProtocol,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=15,
        timeout_keep_alive=CONNECTION_KEEP_ALIVE_SECONDS,
        ws_max_size=64 * 1024,
        ws_per_message_deflate=False,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        **options,
    )
    logging.getLogger("uvicorn.error").addFilter(_is_not_logged_yet)
    return Server(app, config)


def _is_not_logged_yet(record: logging.LogRecord) -> bool:
    """Whether what uvicorn logs is not in the log already, and with more about it."""
    error = record.exc_info and record.exc_info[1]
    return not isinstance(error, ResponseAborted)
