"""Attacks `/canvas/data` with an account of 5,000 assignments."""

import asyncio
import socket
from contextlib import suppress
from urllib.parse import urlsplit

from aiohttp import web

from tests.attacks.attack import Attack, Attacker
from tests.canvas_cases.canvas_rows import assignment, course, graded, group
from tests.canvas_cases.literal_canvas import LiteralCanvas, LiteralStudent

COURSES, ASSIGNMENTS = 10, 500
READERS, UNREAD_CONNECTIONS = 150, 30
PATH = "/api/v1/canvas/data"
RECEIVE_BUFFER_BYTES = 4096
CHECK_SECONDS = 0.2


class ReadEverything(Attack):
    """A student with 5,000 assignments requests all data on 150 connections."""

    finding = "11"

    def __init__(self) -> None:
        self._canvas = LiteralCanvas()

    async def prepare(self, attacker: Attacker) -> None:
        """Connect the student, and wait until the account has been read."""
        token = attacker.canvas_token(attacker.scaled(ASSIGNMENTS))
        status, body = await attacker.set_up(attacker.canvases[0], token, attacker.person)
        if status != 201:
            raise AssertionError(body)
        await attacker.wait_for_first_run(attacker.person)

    async def run(self, attacker: Attacker) -> None:
        """Request everything, again as soon as a response has come."""

        async def read(_: int) -> None:
            await attacker.send("GET", PATH, person=attacker.person)

        await attacker.in_parallel(READERS, read)

    async def serve_canvas(self, request: web.Request, detail: str, /) -> web.StreamResponse:
        """Respond with the courses of the student."""
        token = request.headers["Authorization"].removeprefix("Bearer ")
        if token not in self._canvas.students:
            self._canvas.students[token] = _large_student(token, int(detail))
        return await self._canvas(request)


class UnreadDocuments(ReadEverything):
    """The same student requests all data on 30 connections, and reads none of it."""

    finding = "08"

    async def run(self, attacker: Attacker) -> None:
        """Send the requests, and each again when its connection has ended."""

        async def request(_: int) -> None:
            with suppress(OSError):
                await _request_unread(attacker)
            await asyncio.sleep(CHECK_SECONDS)

        await attacker.in_parallel(UNREAD_CONNECTIONS, request)


async def _request_unread(attacker: Attacker) -> None:
    address, loop = urlsplit(attacker.url), asyncio.get_running_loop()
    headers = attacker.issuer.headers(attacker.person)
    head = f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {headers['Authorization']}\r\n\r\n"
    with socket.socket() as connection:
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        await loop.sock_connect(connection, (str(address.hostname), address.port))
        await loop.sock_sendall(connection, head.encode())
        first = await loop.sock_recv(connection, 12)
        attacker.count(first[9:12].decode() or "0")
        if first[9:12] == b"200":
            while not connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):  # noqa: ASYNC110  # a socket that is not read has no event
                await asyncio.sleep(CHECK_SECONDS)


def _large_student(token: str, assignments: int) -> LiteralStudent:
    rows = {
        str(number): [
            group(
                number,
                *(
                    assignment(number * 10_000 + each, submission=graded(each % 10))
                    for each in range(assignments)
                ),
            )
        ]
        for number in range(1, COURSES + 1)
    }
    courses = [course(number, f"Course {number}") for number in range(1, COURSES + 1)]
    return LiteralStudent(token, courses, rows)
