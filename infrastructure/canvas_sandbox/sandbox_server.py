"""Runs a sandbox on a port of this machine."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypedDict

from aiohttp import web

from infrastructure.canvas_sandbox.control import Control
from infrastructure.canvas_sandbox.control.http_api import ControlOverHttp
from infrastructure.canvas_sandbox.fault_injection import Faults
from infrastructure.canvas_sandbox.options import SandboxOptions
from infrastructure.canvas_sandbox.request_handler import Door
from infrastructure.canvas_sandbox.request_log import RequestLog
from infrastructure.canvas_sandbox.state import Campus

KEEP_ALIVE = 75.0


class StudentToken(TypedDict):
    """A student and their first token; `student` is the index that control operations take."""

    student: int
    name: str
    user_id: str
    token: str


class Sandbox:
    """A Canvas LMS with made-up students."""

    def __init__(self, options: SandboxOptions) -> None:
        campus, faults, log = Campus(options), Faults(), RequestLog()
        self._door = Door(campus, faults, log)
        self.options = options
        self.control = Control(campus, self._door, faults, log)
        self.tokens = [
            StudentToken(
                student=token.student.index,
                name=token.student.person.name,
                user_id=str(token.student.person.id),
                token=token.text,
            )
            for token in campus.tokens
        ]
        self.url = ""

    def application(self) -> web.Application:
        """Canvas, and the control API under `/sandbox`."""
        application = web.Application()
        application.add_routes(ControlOverHttp(self.control).routes())
        application.router.add_route("*", "/{path:.*}", self._door.enter)
        return application


@asynccontextmanager
async def running_sandbox(
    options: SandboxOptions | None = None, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Sandbox]:
    """Serve a sandbox as long as the block runs; port 0 takes a free one, `url` says which."""
    sandbox = Sandbox(options or SandboxOptions())
    runner = web.AppRunner(
        sandbox.application(),
        access_log=None,
        handler_cancellation=True,
        keepalive_timeout=KEEP_ALIVE,
        shutdown_timeout=0.1,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        taken = runner.addresses[0][1]
        sandbox.url = f"http://{host}:{taken}"
        yield sandbox
    finally:
        await runner.cleanup()


async def serve(
    options: SandboxOptions,
    host: str = "127.0.0.1",
    port: int = 0,
    on_ready: Callable[[Sandbox], None] | None = None,
) -> None:
    """Serve a sandbox until cancelled; `on_ready` hears once it listens."""
    async with running_sandbox(options, host=host, port=port) as sandbox:
        if on_ready:
            on_ready(sandbox)
        await asyncio.Event().wait()
