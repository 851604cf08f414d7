"""Bodies have a limit, declared or not, in size and in time."""

import asyncio

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interfaces.http.errors.problem import Problem, answer
from interfaces.http.middleware.admission_control import aside

LIMIT = 64 * 1024
AT_ONCE = 0.02
"""Seconds within which a body is there as a rule; whoever needs longer waits aside."""
PATIENCE = 10.0
"""Seconds a whole body may take."""


class BodyLimit:
    """ASGI middleware: 413 for a body over 64 KiB, without reading the rest; 408 for a slow one.

    Starlette's own limit answers in plain text when the length was declared.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _declared(scope) > LIMIT:
            problem = Problem(
                "body-too-large", "The body is larger than 64 KiB.", headers={"Connection": "close"}
            )
            await answer(problem, scope)(scope, receive, send)
        else:
            await self._app(scope, _counting(scope, receive), send)


def _counting(scope: Scope, receive: Receive) -> Receive:
    received, is_whole = 0, False
    deadline = asyncio.get_running_loop().time() + PATIENCE

    async def counted() -> Message:
        nonlocal received, is_whole
        if is_whole:
            return await receive()  # to learn when the client leaves takes as long as it takes
        message = await _next(scope, receive, deadline)
        is_whole = not message.get("more_body", False)
        received += len(message.get("body", b""))
        if received > LIMIT:
            raise HTTPException(413)  # FastAPI lets no other exception through while it reads
        return message

    return counted


async def _next(scope: Scope, receive: Receive, deadline: float) -> Message:
    try:
        async with asyncio.timeout(AT_ONCE):
            return await receive()
    except TimeoutError:
        pass
    try:
        async with aside(scope), asyncio.timeout_at(deadline):
            return await receive()
    except TimeoutError:
        raise HTTPException(408) from None


def _declared(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
