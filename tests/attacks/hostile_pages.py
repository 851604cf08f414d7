"""Attacks the Canvas client: pages with too much, and pages with something new each time."""

import asyncio
import itertools
from functools import cache
from uuid import uuid4

import orjson
from aiohttp import web

from tests.attacks.attack import Attack, Attacker
from tests.canvas_cases.canvas_rows import assignment, course, graded, group
from tests.canvas_cases.literal_canvas import canvas_json

ROWS_OF_PAGES = (490_000, 460_000, 49_000, 5_000)
"""More bytes than are read, more values, more rows, and as many as are accepted."""
PAGES = 3
COURSES, ASSIGNMENTS = 20, 100
PAUSE_SECONDS = 0.1


class EndlessPages(Attack):
    """Four students sync a Canvas whose three pages have up to 490,000 rows of the same id."""

    finding = "14"

    async def run(self, attacker: Attacker) -> None:
        """Connect each student to a host of their own, and request syncs."""

        async def sync_forever(number: int) -> None:
            rows = attacker.scaled(ROWS_OF_PAGES[number])
            await _set_up_and_sync(attacker, number, attacker.canvas_token(rows))

        await attacker.in_parallel(len(ROWS_OF_PAGES), sync_forever)

    async def serve_canvas(self, request: web.Request, detail: str, /) -> web.StreamResponse:
        """Respond with a page of the same row, and with a link to the next page."""
        if request.path == "/api/v1/users/self":
            return canvas_json({"id": 666, "name": "Eve"})
        number = int(request.query.get("page", 1))
        headers = {}
        if number < PAGES:
            headers["Link"] = f'<{request.url.update_query(page=number + 1)}>; rel="next"'
        body = _same_rows(int(detail))
        return web.Response(body=body, content_type="application/json", headers=headers)


class SomethingNewEachTime(Attack):
    """A student syncs a Canvas that gives every assignment another grade each time."""

    finding = "08"

    def __init__(self) -> None:
        self._scores = itertools.count()

    async def run(self, attacker: Attacker) -> None:
        """Connect the student, and request full syncs as often as possible."""

        async def sync_forever(_: int) -> None:
            token = attacker.canvas_token(attacker.scaled(ASSIGNMENTS))
            await _set_up_and_sync(attacker, 0, token)

        await attacker.in_parallel(1, sync_forever)

    async def serve_canvas(self, request: web.Request, detail: str, /) -> web.StreamResponse:
        """Respond with twenty courses, in which every score is new."""
        parts = request.path.split("/")
        if parts[-1] == "self":
            return canvas_json({"id": 667, "name": "Mallory"})
        if parts[-1] == "courses":
            return canvas_json([course(number) for number in range(1, COURSES + 1)])
        if parts[-1] == "assignment_groups":
            first = int(parts[-2]) * 10_000
            rows = [
                assignment(first + each, submission=graded(next(self._scores) % 1000 / 100))
                for each in range(int(detail))
            ]
            return canvas_json([group(1, *rows)])
        return canvas_json([])


async def _set_up_and_sync(attacker: Attacker, canvas: int, token: str) -> None:
    """Connect a new student, and request a full sync again and again."""
    person = uuid4()
    status, body = await attacker.set_up(attacker.canvases[canvas], token, person)
    if status != 201:
        await asyncio.sleep(PAUSE_SECONDS)
        return
    connection = orjson.loads(body)["connection"]["id"]
    path = f"/api/v1/canvas/connections/{connection}/sync"
    while True:
        await attacker.send("POST", path, person=person, json={"mode": "full"})
        await asyncio.sleep(PAUSE_SECONDS)


@cache
def _same_rows(count: int) -> bytes:
    return b"[" + b",".join([b'{"id":1}'] * count) + b"]"
