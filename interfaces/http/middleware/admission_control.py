"""Limits how many requests one process handles at a time; the others wait or are refused.

Commands that wait for Canvas have a limiter of their own, so that a Canvas that does not respond
delays no other request.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interfaces.http.context import request_context_of
from interfaces.http.errors.problem import Problem, problem_response
from interfaces.http.middleware.concurrency_limiter import ConcurrencyLimiter, LimiterFull
from interfaces.http.middleware.rate_limit_policies import UNLIMITED_PATHS

CANVAS_COMMAND_PATH = re.compile(r"/api/v1/canvas/(?:setup|connections/[^/]+/(?:token|validate))")
COMMAND_METHODS = frozenset({"POST", "PUT"})


def create_default_limiter() -> ConcurrencyLimiter:
    """Create the limiter for most requests: 8 slots, about what the database serves at a time.

    More slots only make every request slower. A full queue is served within a fraction of a second.
    """
    return ConcurrencyLimiter(8, max_waiting=128, timeout_seconds=3)


def create_canvas_limiter() -> ConcurrencyLimiter:
    """Create the limiter for commands that wait for Canvas: each needs memory and nothing else."""
    return ConcurrencyLimiter(64, max_waiting=256, timeout_seconds=10)


class AdmissionControl:
    """ASGI middleware: 503 `overloaded` for a request that gets no slot.

    Health checks and metrics need no slot.
    """

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
            problem = Problem("overloaded", headers={"Retry-After": "1"})
            return await problem_response(problem, scope)(scope, receive, send)
        request_context_of(scope).slot = slot

        async def send_and_release(message: Message) -> None:
            if message["type"] == "http.response.body":
                slot.release()  # a client that reads slowly must not hold the slot
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
    """Release the slot of a request while it only waits, and acquire one again afterwards.

    Does nothing for a request that has no slot.
    """
    slot = request_context_of(scope).slot
    if slot is None:
        yield
        return
    async with slot.released():
        yield
