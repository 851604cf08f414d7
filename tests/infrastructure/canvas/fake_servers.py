"""Servers on loopback for tests of the Canvas client, correct and hostile ones."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer

from infrastructure.canvas.client import CanvasClient
from infrastructure.canvas.limits import DEFAULT_LIMITS, Limits

TOKEN = "1234~maDeUpToKeN"
FAST_LIMITS = replace(DEFAULT_LIMITS, first_backoff_seconds=0.001, max_backoff_seconds=0.01)
"""The default limits with short back-off, so that tests are fast."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serve_handler(handler: Handler, **options: Any) -> AsyncIterator[str]:
    """Run a server with one handler for every request; yields its origin."""

    async def respond(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", respond)
    server = TestServer(app)
    await server.start_server(**options)
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        await server.close()


@asynccontextmanager
async def serve_bytes(
    write: Callable[[asyncio.StreamWriter], Coroutine[Any, Any, None]],
) -> AsyncIterator[str]:
    """Run a server that reads a request and then runs `write`; yields its origin."""
    writing: set[asyncio.Task[None]] = set()
    closed_events: set[asyncio.Event] = set()

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        closed = asyncio.Event()
        closed_events.add(closed)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            task = asyncio.ensure_future(write(writer))
            writing.add(task)
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()
        writer.close()
        closed.set()

    async with await asyncio.start_server(respond, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for task in writing:
            task.cancel()
        for closed in closed_events:
            await closed.wait()


@dataclass
class ForbiddenServer:
    """A server to which no connection may be opened; it counts the connections."""

    port: int = 0
    connections: int = 0

    async def accept(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.close()


@asynccontextmanager
async def open_forbidden_server() -> AsyncIterator[ForbiddenServer]:
    """Run a forbidden server on every IPv4 address and on the IPv6 loopback address."""
    server_state = ForbiddenServer()
    async with await asyncio.start_server(server_state.accept, "0.0.0.0", 0) as server:  # noqa: S104  # every address is meant
        server_state.port = server.sockets[0].getsockname()[1]
        async with await asyncio.start_server(server_state.accept, "::1", server_state.port):
            yield server_state


@dataclass
class FakeCanvasServer:
    """A Canvas with one student; it stores the requests."""

    courses: list[dict[str, Any]] = field(default_factory=list)
    groups: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    page_size: int = 100
    requests: list[web.Request] = field(default_factory=list)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if request.headers["Authorization"] != f"Bearer {TOKEN}":
            headers = {"WWW-Authenticate": 'Bearer realm="canvas-lms"'}
            return json_response({"errors": []}, status=401, headers=headers)
        return self._respond(request)

    def _respond(self, request: web.Request) -> web.Response:
        match request.path.split("/")[3:]:
            case ["users", "self"]:
                return json_response({"id": "42", "name": "Ada"})
            case ["courses"]:
                return page_response(request, self.courses, self.page_size)
            case ["courses", course_id, "assignment_groups"]:
                return page_response(request, self.groups[course_id], self.page_size)
        return json_response({"errors": []}, status=404)


def json_response(document: Any, **options: Any) -> web.Response:
    """Create a JSON response as Canvas sends it."""
    options.setdefault("content_type", "application/json")
    return web.Response(body=orjson.dumps(document), **options)


def page_response(request: web.Request, rows: list[dict[str, Any]], size: int) -> web.Response:
    """Create the response for one page of rows, with a `Link` header."""
    number = int(request.query.get("page", "1"))
    response = json_response(rows[(number - 1) * size : number * size])
    links = [f'<{request.url.update_query(page=number)}>; rel="current"']
    if number * size < len(rows):
        links.append(f'<{request.url.update_query(page=number + 1)}>; rel="next"')
    response.headers["link"] = ",".join(links)
    return response


def open_client(*origins: str, limits: Limits = FAST_LIMITS, **options: Any) -> CanvasClient:
    """Create a client that may send requests to these loopback origins."""
    return CanvasClient(
        (), [origin.partition("://")[2] for origin in origins], limits=limits, **options
    )
