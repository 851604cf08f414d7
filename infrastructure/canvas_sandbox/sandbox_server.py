"""Runs a sandbox on a TCP port of this machine."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypedDict

from aiohttp import web

from infrastructure.canvas_sandbox.access_tokens import AccessToken
from infrastructure.canvas_sandbox.control import Control
from infrastructure.canvas_sandbox.control.http_api import ControlHttpApi
from infrastructure.canvas_sandbox.control.server_operations import ServerOperations
from infrastructure.canvas_sandbox.fault_injection import FaultQueue
from infrastructure.canvas_sandbox.generator.generate_students import person_of
from infrastructure.canvas_sandbox.host_outage import HostOutage
from infrastructure.canvas_sandbox.options import SandboxOptions
from infrastructure.canvas_sandbox.request_handler import RequestHandler
from infrastructure.canvas_sandbox.request_log import RequestLog
from infrastructure.canvas_sandbox.sandbox_listener import SandboxListener
from infrastructure.canvas_sandbox.state import SandboxState
from infrastructure.canvas_sandbox.web_pages import WebPages

SANDBOX_KEEP_ALIVE_SECONDS = 75.0


class StudentToken(TypedDict):
    """A student and their first token; `student` is the index that control operations use."""

    student: int
    name: str
    user_id: str
    token: str


class Sandbox:
    """A Canvas LMS with generated students.

    `control` changes it while it runs. `url` is empty until it is served. `data` is what
    it contains, for tests that measure it.
    """

    def __init__(self, options: SandboxOptions) -> None:
        state, faults, log = SandboxState(options), FaultQueue(), RequestLog()
        self.data = state
        self.listener = SandboxListener()
        self.outage = HostOutage(self.listener)
        self._handler = RequestHandler(state, faults, log, self.outage)
        self.options = options
        server = ServerOperations(state.clock, self._handler, faults, log, self.outage)
        self.control = Control(state, server)
        self.tokens = [_student_token(token, options.seed) for token in state.tokens]
        self.url = ""

    def application(self) -> web.Application:
        """Create the web application: Canvas's API, pages, and the control API at `/sandbox`."""
        application = web.Application()
        control_api = ControlHttpApi(self.control, self.options.control_origins)
        application.add_routes(control_api.routes())
        application.add_routes(WebPages(self.data, self.outage).routes())
        application.router.add_route("*", "/{path:.*}", self._handler.handle)
        return application


def _student_token(token: AccessToken, seed: int) -> StudentToken:
    person = person_of(token.student, seed)
    return StudentToken(
        student=token.student, name=person.name, user_id=str(person.id), token=token.text
    )


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
        await sandbox.listener.serve(runner, host, port)
        sandbox.url = f"http://{host}:{sandbox.listener.port}"
        if sandbox.options.links_to_itself:
            sandbox.data.page_origin = sandbox.url
        yield sandbox
    finally:
        sandbox.outage.cancel_return()
        sandbox.listener.stop()
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
