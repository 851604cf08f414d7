"""Attacks the redaction of logged and answered paths."""

import asyncio

from yarl import URL

from tests.attacks.attack import Attack, Attacker

WORKERS, PAUSE_SECONDS = 6, 0.05
LONG_PATH = "/" + "eyJ-" * 7750
"""31 KB, just below the limit of a request's head."""


class LongPaths(Attack):
    """A stranger requests paths of 31 KB that look like the beginnings of many tokens."""

    finding = "16"

    async def run(self, attacker: Attacker) -> None:
        """Send up to 120 requests a second."""
        paths = [LONG_PATH, f"/api/v1/canvas/connections{LONG_PATH}"]
        urls = [URL(attacker.url + path[: len(LONG_PATH)], encoded=True) for path in paths]

        async def request(number: int) -> None:
            await attacker.send("GET", urls[number % len(urls)])
            await asyncio.sleep(PAUSE_SECONDS)

        await attacker.in_parallel(WORKERS, request)
