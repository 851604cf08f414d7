"""Bodies have a limit, declared or not."""

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interfaces.http.problems import Problem, answer

LIMIT = 64 * 1024


class BodyLimit:
    """ASGI middleware: 413 for a body over 64 KiB, without reading the rest.

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
            await self._app(scope, _counting(receive), send)


def _counting(receive: Receive) -> Receive:
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > LIMIT:
            raise HTTPException(413)  # FastAPI lets no other exception through while it reads
        return message

    return counted


def _declared(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
