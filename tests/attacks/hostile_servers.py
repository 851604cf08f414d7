"""The process with what attacks need outside the service: Canvas hosts, and the key set."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from tests.attacks.attack import Attack
from tests.attacks.attack_registry import ATTACKS
from tests.attacks.measured_processes import PhaseClock, Signals, measured_process
from tests.attacks.tokens import JWKS_CONTROL
from tests.attacks.worker_slots import CONNECTIONS
from tests.canvas_cases.literal_canvas import canvas_json

HOSTS = CONNECTIONS
"""As many as the attack with the most hosts needs."""
JWKS_PATH = "/auth/v1/.well-known/jwks.json"
HANG_SECONDS = 60.0


class HostileServers:
    """Serves the Canvas of every attack, by the token of a request, and counts the requests."""

    def __init__(self, public_jwk: dict[str, Any]) -> None:
        self._keys = [public_jwk]
        self._attacks: dict[str, Attack] = {name: attack() for name, attack in ATTACKS.items()}
        self._requests: Counter[str] = Counter()
        self._serves_keys = asyncio.Event()
        self._serves_keys.set()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of every port."""
        return [
            web.get(JWKS_PATH, self._serve_keys),
            web.post(f"{JWKS_CONTROL}/{{state}}", self._control_keys),
            web.get("/control/requests", self._count_requests),
            web.route("*", "/{rest:.*}", self._serve_canvas),
        ]

    async def _serve_keys(self, _: web.Request) -> web.Response:
        self._requests["jwks"] += 1
        await self._serves_keys.wait()
        return web.json_response({"keys": self._keys})

    async def _control_keys(self, request: web.Request) -> web.Response:
        if request.match_info["state"] == "hang":
            self._serves_keys.clear()
        else:
            self._serves_keys.set()
        return web.Response()

    async def _count_requests(self, _: web.Request) -> web.Response:
        return web.json_response(self._requests)

    async def _serve_canvas(self, request: web.Request) -> web.StreamResponse:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        name, _, detail = token.partition("~")
        self._requests[name] += 1
        if name not in self._attacks:
            return canvas_json({"errors": []}, status=401)
        return await self._attacks[name].serve_canvas(request, detail)


@contextmanager
def running_hostile_servers(public_jwk: dict[str, Any]) -> Iterator[list[str]]:
    """Run the servers in a new process, and yield their origins."""
    with measured_process(_serve, public_jwk, clock=PhaseClock()) as process:
        yield process.result()


def _serve(public_jwk: dict[str, Any], signals: Signals) -> None:
    asyncio.run(_serve_until_killed(public_jwk, signals))


async def _serve_until_killed(public_jwk: dict[str, Any], signals: Signals) -> None:
    app = web.Application()
    app.add_routes(HostileServers(public_jwk).routes())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    for _ in range(HOSTS):
        await web.TCPSite(runner, "127.0.0.1", 0).start()
    signals.send([f"http://127.0.0.1:{address[1]}" for address in runner.addresses])
    await asyncio.Event().wait()
