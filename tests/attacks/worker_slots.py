"""Attacks the slots of the workers with hosts that are slow."""

import asyncio
import itertools

import orjson
from aiohttp import web

from tests.attacks.attack import Attack, Attacker
from tests.canvas_cases.literal_canvas import canvas_json

CONNECTIONS = 56
SLOW_SECONDS = 12.0
SYNC_SECONDS = 1.0


class SlowConnections(Attack):
    """A student opens 56 connections to hosts whose pages come after 12 s, and syncs them all."""

    finding = "15"

    async def run(self, attacker: Attacker) -> None:
        """Connect one host after the other, then request syncs of those that were accepted."""
        connections = []
        for number in range(attacker.scaled(CONNECTIONS)):
            canvas, token = attacker.canvases[number], attacker.canvas_token(number)
            status, body = await attacker.set_up(canvas, token, attacker.person)
            if status == 201:
                connections.append(orjson.loads(body)["connection"]["id"])
        paths = itertools.cycle([f"/api/v1/canvas/connections/{each}/sync" for each in connections])

        async def sync(_: int) -> None:
            await attacker.send("POST", next(paths), person=attacker.person)
            await asyncio.sleep(SYNC_SECONDS)

        await attacker.in_parallel(len(connections), sync)

    async def serve_canvas(self, request: web.Request, _detail: str, /) -> web.StreamResponse:
        """Accept the token at once; everything else comes late."""
        if request.path == "/api/v1/users/self":
            return canvas_json({"id": 668, "name": "Sybil"})
        await asyncio.sleep(SLOW_SECONDS)
        return canvas_json([])
