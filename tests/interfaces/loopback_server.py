"""Serves an application on a loopback port with uvicorn, as in production."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from interfaces.http.context import app_state_of
from interfaces.http.server.client_connections import ClientConnections
from interfaces.http.server.uvicorn_server import Server, create_config
from tests.deadlines import scaled


@asynccontextmanager
async def serve_on_loopback(
    app: FastAPI, clients: ClientConnections | None = None
) -> AsyncIterator[str]:
    """Serve the application, and yield its base URL when the port is open."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(create_config(app, clients), app_state_of(app).closing)
    serve_task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        async with asyncio.timeout(scaled(10)):
            await serve_task
