"""An application on a loopback port, as uvicorn runs it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from interfaces.http.server.uvicorn_server import create_server


@asynccontextmanager
async def serve_on_loopback(app: FastAPI) -> AsyncIterator[str]:
    """The base address while it is served; it listens before it is yielded."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = create_server(app)
    serve_task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        async with asyncio.timeout(10):
            await serve_task
