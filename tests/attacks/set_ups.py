"""Attacks set-ups: hosts that hang, a victim that receives the requests, forbidden addresses."""

import asyncio
import itertools
from uuid import uuid4

from aiohttp import web

from tests.attacks.attack import Attack, Attacker
from tests.canvas_cases.literal_canvas import canvas_json

HANGING_SET_UPS, AMPLIFIER_WORKERS, ADDRESS_WORKERS = 290, 20, 4
HANG_SECONDS = 60.0
REFUSED_PAUSE_SECONDS, PAUSE_SECONDS = 2.0, 0.05
BAD_ADDRESSES = (
    "https://xn--a.instructure.com",
    "https://xn--zca.xn--a.instructure.com",
    "https://[v1.a]",
    "https://[fd00:ec2::254]",
    "https://[fd20:ce::254]",
    "https://169.254.169.254",
    "https://[::ffff:169.254.169.254]",
    "https://metadata.google.internal",
    "https://127.0.0.1:5432",
    "https://0x7f.1",
    "https://localhost",
    "https://école.instructure.com\u202e",
)


class HangingSetUps(Attack):
    """A student has 290 set-ups in flight to a host that hangs."""

    finding = "11"

    async def run(self, attacker: Attacker) -> None:
        """Send the set-ups, and each again 2 s after it was refused."""

        async def set_up(number: int) -> None:
            canvas, token = attacker.canvases[0], attacker.canvas_token(number)
            await attacker.set_up(canvas, token, attacker.person)
            await asyncio.sleep(REFUSED_PAUSE_SECONDS)

        await attacker.in_parallel(attacker.scaled(HANGING_SET_UPS), set_up)

    async def serve_canvas(self, _request: web.Request, _detail: str, /) -> web.StreamResponse:
        """Respond after a minute."""
        await asyncio.sleep(HANG_SECONDS)
        return canvas_json({"errors": []}, status=503)


class Amplifier(Attack):
    """A student lets the service send requests to the host of a victim."""

    finding = "amplifier"

    async def run(self, attacker: Attacker) -> None:
        """Send set-ups with other tokens, each as soon as the one before was answered."""
        numbers = itertools.count()

        async def set_up(_: int) -> None:
            token = attacker.canvas_token(next(numbers))
            await attacker.set_up(attacker.canvases[0], token, attacker.person)
            await asyncio.sleep(PAUSE_SECONDS)

        await attacker.in_parallel(AMPLIFIER_WORKERS, set_up)

    async def serve_canvas(self, _request: web.Request, _detail: str, /) -> web.StreamResponse:
        """Respond as a host that is no Canvas."""
        return web.Response(status=404, text="Not found")


class BadAddresses(Attack):
    """Students enter bad punycode, and addresses of metadata services and of this machine."""

    finding = "18, 19"

    async def run(self, attacker: Attacker) -> None:
        """Send set-ups with each address in turn."""
        addresses = itertools.cycle(BAD_ADDRESSES)

        async def set_up(_: int) -> None:
            await attacker.set_up(next(addresses), attacker.canvas_token(), uuid4())
            await asyncio.sleep(PAUSE_SECONDS)

        await attacker.in_parallel(ADDRESS_WORKERS, set_up)
