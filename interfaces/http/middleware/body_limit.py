"""Limits the size of request bodies and the time they take to arrive."""

import asyncio

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interfaces.http.errors.problem import Problem, problem_response
from interfaces.http.middleware.admission_control import slot_released

MAX_BODY_BYTES = 64 * 1024
SLOT_HOLD_SECONDS = 0.02
"""Seconds for which a request keeps its slot while it waits for its body; most need less."""
BODY_TIMEOUT_SECONDS = 10.0
"""Seconds from the start of the request until its whole body must have arrived."""


class BodyLimitMiddleware:
    """ASGI middleware: 413 for a body over 64 KiB, without reading the rest; 408 for a slow one.

    Starlette's own limit is not used: it responds in plain text if the length was declared.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _declared_length(scope) > MAX_BODY_BYTES:
            problem = Problem("body-too-large", headers={"Connection": "close"})
            await problem_response(problem, scope)(scope, receive, send)
        else:
            await self._app(scope, _limit_body(scope, receive), send)


def _limit_body(scope: Scope, receive: Receive) -> Receive:
    received, is_complete = 0, False
    deadline = asyncio.get_running_loop().time() + BODY_TIMEOUT_SECONDS

    async def receive_limited() -> Message:
        nonlocal received, is_complete
        if is_complete:
            return await receive()  # waits until the client disconnects, without a time limit
        message = await _receive_before(scope, receive, deadline)
        is_complete = not message.get("more_body", False)
        received += len(message.get("body", b""))
        if received > MAX_BODY_BYTES:
            raise HTTPException(413)  # FastAPI replaces any other exception by a 400
        return message

    return receive_limited


async def _receive_before(scope: Scope, receive: Receive, deadline: float) -> Message:
    try:
        async with asyncio.timeout(SLOT_HOLD_SECONDS):
            return await receive()
    except TimeoutError:
        pass
    try:
        async with slot_released(scope), asyncio.timeout_at(deadline):
            return await receive()
    except TimeoutError:
        raise HTTPException(408) from None


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
