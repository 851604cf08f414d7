"""Runs a sandbox on a TCP port of this machine."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypedDict

from aiohttp import web

from infrastructure.canvas_sandbox.control import Control
from infrastructure.canvas_sandbox.control.http_api import ControlHttpApi
from infrastructure.canvas_sandbox.fault_injection import FaultQueue
from infrastructure.canvas_sandbox.options import SandboxOptions
from infrastructure.canvas_sandbox.request_handler import RequestHandler
from infrastructure.canvas_sandbox.request_log import RequestLog
from infrastructure.canvas_sandbox.state import SandboxState

SANDBOX_KEEP_ALIVE_SECONDS = 75.0


class StudentToken(TypedDict):
    """A student and their first token; `student` is the index that control operations use."""

    student: int
    name: str
    user_id: str
    token: str


class Sandbox:
    """A Canvas LMS with generated students.

    `control` changes it while it runs. `url` is empty until it is served.
    """

    def __init__(self, options: SandboxOptions) -> None:
        state, faults, log = SandboxState(options), FaultQueue(), RequestLog()
        self._handler = RequestHandler(state, faults, log)
        self.options = options
        self.control = Control(state, self._handler, faults, log)
        self.tokens = [
            StudentToken(
                student=token.student.index,
                name=token.student.person.name,
                user_id=str(token.student.person.id),
                token=token.text,
            )
            for token in state.tokens
        ]
        self.url = ""

    def application(self) -> web.Application:
        """Create the web application: Canvas's API, and the control API under `/sandbox`."""
        application = web.Application()
        application.add_routes(ControlHttpApi(self.control).routes())
        application.router.add_route("*", "/{path:.*}", self._handler.handle)
        return application


@asynccontextmanager
async def running_sandbox(
    options: SandboxOptions | None = None, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Sandbox]:
    """Serve a sandbox until the block ends; port 0 chooses a free port, see `Sandbox.url`."""
    sandbox = Sandbox(options or SandboxOptions())
    runner = web.AppRunner(
        sandbox.application(),
        access_log=None,
        handler_cancellation=True,
        keepalive_timeout=SANDBOX_KEEP_ALIVE_SECONDS,
        shutdown_timeout=0.1,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound_port = runner.addresses[0][1]
        sandbox.url = f"http://{host}:{bound_port}"
        yield sandbox
    finally:
        await runner.cleanup()


async def serve(
    options: SandboxOptions,
    host: str = "127.0.0.1",
    port: int = 0,
    on_ready: Callable[[Sandbox], None] | None = None,
) -> None:
    """Serve a sandbox until cancelled; `on_ready` is called when it accepts connections."""
    async with running_sandbox(options, host=host, port=port) as sandbox:
        if on_ready:
            on_ready(sandbox)
        await asyncio.Event().wait()
