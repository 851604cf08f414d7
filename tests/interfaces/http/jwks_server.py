"""A JWKS server on a loopback port that can delay or replace its responses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.dev_tokens import SigningKey


class FakeJwksServer:
    """Serves `/auth/v1/.well-known/jwks.json`, and counts the requests."""

    def __init__(self, *keys: SigningKey) -> None:
        self.keys: list[dict[str, Any]] = [key.public_jwk for key in keys]
        self.request_count = 0
        self.response_override: dict[str, Any] | None = None
        """Arguments of the response that is sent instead of the keys."""
        self.first_request = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.url = ""

    async def handle(self, _: web.Request) -> web.Response:
        """Respond to one request when the gate is open."""
        self.request_count += 1
        self.first_request.set()
        await self.gate.wait()
        if self.response_override is not None:
            return web.Response(**self.response_override)
        return web.json_response({"keys": self.keys})

    def respond_with(self, **response: Any) -> None:
        """Send this response from now on, instead of the keys."""
        self.response_override = response


@asynccontextmanager
async def serve_jwks(server: FakeJwksServer) -> AsyncIterator[FakeJwksServer]:
    """Run the server, and set its URL."""
    app = web.Application()
    app.router.add_get("/auth/v1/.well-known/jwks.json", server.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()
