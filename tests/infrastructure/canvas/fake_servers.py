"""Servers on loopback that a Canvas client may meet, kind and hostile."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer

from infrastructure.canvas.client import CanvasClient
from infrastructure.canvas.limits import USUAL, Limits

TOKEN = "1234~maDeUpToKeN"
QUICK = replace(USUAL, first_pause=0.001, longest_pause=0.01)
"""The usual limits with pauses a test does not notice."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler, **how: Any) -> AsyncIterator[str]:
    """A server that answers every request with one handler; yields its origin."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    server = TestServer(app)
    await server.start_server(**how)
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        await server.close()


@asynccontextmanager
async def sending(
    say: Callable[[asyncio.StreamWriter], Coroutine[Any, Any, None]],
) -> AsyncIterator[str]:
    """A server that reads a request and then says whatever bytes it likes."""
    speaking: set[asyncio.Task[None]] = set()
    ended: set[asyncio.Event] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        over = asyncio.Event()
        ended.add(over)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            speech = asyncio.ensure_future(say(writer))
            speaking.add(speech)
            await asyncio.wait([speech])
            if not speech.cancelled():
                speech.exception()
        writer.close()
        over.set()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for speech in speaking:
            speech.cancel()
        for over in ended:
            await over.wait()


@dataclass
class Trap:
    """Listens where nobody may ever connect."""

    port: int = 0
    visits: int = 0

    async def spring(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        writer.close()


@asynccontextmanager
async def trap() -> AsyncIterator[Trap]:
    """A trap on every loopback address, IPv4 and IPv6."""
    found = Trap()
    async with await asyncio.start_server(found.spring, "0.0.0.0", 0) as server:  # noqa: S104  # every address is the point
        found.port = server.sockets[0].getsockname()[1]
        async with await asyncio.start_server(found.spring, "::1", found.port):
            yield found


@dataclass
class Student:
    """A Canvas with one student; remembers what it was asked."""

    courses: list[dict[str, Any]] = field(default_factory=list)
    groups: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    page: int = 100
    asked: list[web.Request] = field(default_factory=list)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        if request.headers["Authorization"] != f"Bearer {TOKEN}":
            headers = {"WWW-Authenticate": 'Bearer realm="canvas-lms"'}
            return json_answer({"errors": []}, status=401, headers=headers)
        return self._answer(request)

    def _answer(self, request: web.Request) -> web.Response:
        match request.path.split("/")[3:]:
            case ["users", "self"]:
                return json_answer({"id": "42", "name": "Ada"})
            case ["courses"]:
                return paged(request, self.courses, self.page)
            case ["courses", course_id, "assignment_groups"]:
                return paged(request, self.groups[course_id], self.page)
        return json_answer({"errors": []}, status=404)


def json_answer(body: Any, **how: Any) -> web.Response:
    """An answer as Canvas sends it."""
    how.setdefault("content_type", "application/json")
    return web.Response(body=orjson.dumps(body), **how)


def paged(request: web.Request, rows: list[dict[str, Any]], size: int) -> web.Response:
    """One page of rows, and where the next one is."""
    page = int(request.query.get("page", "1"))
    answer = json_answer(rows[(page - 1) * size : page * size])
    links = [f'<{request.url.update_query(page=page)}>; rel="current"']
    if page * size < len(rows):
        links.append(f'<{request.url.update_query(page=page + 1)}>; rel="next"')
    answer.headers["link"] = ",".join(links)
    return answer


def client_of(*origins: str, limits: Limits = QUICK, **how: Any) -> CanvasClient:
    """A client that may ask these loopback origins."""
    return CanvasClient(
        (), [origin.partition("://")[2] for origin in origins], limits=limits, **how
    )
