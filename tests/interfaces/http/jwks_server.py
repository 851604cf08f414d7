"""A project's JWKS on a loopback port, and what may go wrong with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.dev_tokens import SigningKey


class Project:
    """What `/auth/v1/.well-known/jwks.json` answers, and how often it was asked."""

    def __init__(self, *keys: SigningKey) -> None:
        self.keys: list[dict[str, Any]] = [key.public for key in keys]
        self.asked = 0
        self.answer: dict[str, Any] | None = None
        """Instead of the keys."""
        self.was_asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.url = ""

    async def show(self, _: web.Request) -> web.Response:
        """Answer one request, once the gate is open."""
        self.asked += 1
        self.was_asked.set()
        await self.gate.wait()
        if self.answer is not None:
            return web.Response(**self.answer)
        return web.json_response({"keys": self.keys})

    def fail(self, **answer: Any) -> None:
        """Answer with something else from now on."""
        self.answer = answer


@asynccontextmanager
async def hosting(project: Project) -> AsyncIterator[Project]:
    """The project while it is up."""
    app = web.Application()
    app.router.add_get("/auth/v1/.well-known/jwks.json", project.show)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    project.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield project
    finally:
        await runner.cleanup()
