"""How many requests one process works on at a time: whoever comes when it is full is told at once.

Work that waits for Canvas has a room of its own, so that a Canvas that hangs holds up nothing else.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interfaces.http.errors.problem import Problem, answer
from interfaces.http.middleware.concurrency_limiter import Full, Place, Room
from interfaces.http.middleware.rate_limits import UNLIMITED

ASKS_CANVAS = re.compile(r"/api/v1/canvas/(?:setup|connections/[^/]+/(?:token|validate))")
COMMANDS = frozenset({"POST", "PUT"})


def usual_room() -> Room:
    """As many as the database answers at once: with more, each turn of the event loop takes longer.

    The line is worth a fraction of a second.
    """
    return Room(8, waiting=128, patience=3)


def canvas_room() -> Room:
    """As many as may wait for Canvas: they cost memory, and hold nothing else."""
    return Room(64, waiting=256, patience=10)


class Admission:
    """ASGI middleware: 503 `overloaded` for whoever finds no place; health is always let in."""

    def __init__(self, app: ASGIApp, usual: Room, canvas: Room) -> None:
        self._app = app
        self._usual = usual
        self._canvas = canvas

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in UNLIMITED:
            return await self._app(scope, receive, send)
        try:
            place = await self._room(scope).enter()
        except Full:
            problem = Problem(
                "overloaded", "More is asked than can be done.", headers={"Retry-After": "1"}
            )
            return await answer(problem, scope)(scope, receive, send)
        scope.setdefault("state", {})["place"] = place

        async def leaving(message: Message) -> None:
            if message["type"] == "http.response.body":
                place.leave()  # the work is done, however slowly it is read
            await send(message)

        try:
            await self._app(scope, receive, leaving)
        finally:
            place.leave()

    def _room(self, scope: Scope) -> Room:
        asks_canvas = scope["method"] in COMMANDS and ASKS_CANVAS.fullmatch(scope["path"])
        return self._canvas if asks_canvas else self._usual


@asynccontextmanager
async def aside(scope: Scope) -> AsyncIterator[None]:
    """Let another request in while this one waits for something outside."""
    place: Place = scope["state"]["place"]
    async with place.aside():
        yield
