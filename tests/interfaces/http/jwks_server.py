"""A project's JWKS on a loopback port, and what may go wrong with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.dev_tokens import SigningKey


class FakeJwksServer:
    """What `/auth/v1/.well-known/jwks.json` answers, and how often it was asked."""

    def __init__(self, *keys: SigningKey) -> None:
        self.keys: list[dict[str, Any]] = [key.public_jwk for key in keys]
        self.request_count = 0
        self.response_override: dict[str, Any] | None = None
        """Instead of the keys."""
        self.first_request = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.url = ""

    async def handle(self, _: web.Request) -> web.Response:
        """Answer one request, once the gate is open."""
        self.request_count += 1
        self.first_request.set()
        await self.gate.wait()
        if self.response_override is not None:
            return web.Response(**self.response_override)
        return web.json_response({"keys": self.keys})

    def respond_with(self, **response: Any) -> None:
        """Answer with something else from now on."""
        self.response_override = response


@asynccontextmanager
async def serve_jwks(server: FakeJwksServer) -> AsyncIterator[FakeJwksServer]:
    """The project while it is up."""
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
