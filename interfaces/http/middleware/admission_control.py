"""How many requests one process works on at a time: whoever comes when it is full is told at once.

Work that waits for Canvas has a room of its own, so that a Canvas that hangs holds up nothing else.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interfaces.http.errors.problem import Problem, problem_response
from interfaces.http.middleware.concurrency_limiter import ConcurrencyLimiter, LimiterFull, Slot
from interfaces.http.middleware.rate_limits import UNLIMITED_PATHS

CANVAS_COMMAND_PATH = re.compile(r"/api/v1/canvas/(?:setup|connections/[^/]+/(?:token|validate))")
COMMAND_METHODS = frozenset({"POST", "PUT"})


def create_default_limiter() -> ConcurrencyLimiter:
    """As many as the database answers at once: with more, each turn of the event loop takes longer.

    The line is worth a fraction of a second.
    """
    return ConcurrencyLimiter(8, max_waiting=128, timeout_seconds=3)


def create_canvas_limiter() -> ConcurrencyLimiter:
    """As many as may wait for Canvas: they cost memory, and hold nothing else."""
    return ConcurrencyLimiter(64, max_waiting=256, timeout_seconds=10)


class AdmissionControl:
    """ASGI middleware: 503 `overloaded` for whoever finds no place; health is always let in."""

    def __init__(
        self, app: ASGIApp, default: ConcurrencyLimiter, canvas: ConcurrencyLimiter
    ) -> None:
        self._app = app
        self._default = default
        self._canvas = canvas

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in UNLIMITED_PATHS:
            return await self._app(scope, receive, send)
        try:
            slot = await self._limiter_for(scope).acquire()
        except LimiterFull:
            problem = Problem(
                "overloaded", "More is asked than can be done.", headers={"Retry-After": "1"}
            )
            return await problem_response(problem, scope)(scope, receive, send)
        scope.setdefault("state", {})["slot"] = slot

        async def send_and_release(message: Message) -> None:
            if message["type"] == "http.response.body":
                slot.release()  # the work is done, however slowly it is read
            await send(message)

        try:
            await self._app(scope, receive, send_and_release)
        finally:
            slot.release()

    def _limiter_for(self, scope: Scope) -> ConcurrencyLimiter:
        is_canvas_command = scope["method"] in COMMAND_METHODS and CANVAS_COMMAND_PATH.fullmatch(
            scope["path"]
        )
        return self._canvas if is_canvas_command else self._default


@asynccontextmanager
async def slot_released(scope: Scope) -> AsyncIterator[None]:
    """Let another request in while this one waits for something outside."""
    slot: Slot = scope["state"]["slot"]
    async with slot.released():
        yield
