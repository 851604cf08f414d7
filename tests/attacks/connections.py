"""Attacks the connections that a process can have: idle ones, and WebSockets without a token."""

import asyncio
from contextlib import suppress
from random import Random
from urllib.parse import urlsplit

import aiohttp

from tests.attacks.attack import Attack, Attacker

IDLE_COUNT, SILENT_COUNT = 1010, 540
REOPEN_SECONDS = 1.0, 5.0
"""The least and the most after which a connection that the service has closed is opened again."""
SILENT_SECONDS = 4.5
"""Just less than the 5 s that a WebSocket has to send its token."""
REFUSED_SECONDS = 0.3
OPEN_EVERY_SECONDS = 0.005
LIVE = b"GET /health/live HTTP/1.1\r\nHost: idle\r\n\r\n"


class IdleConnections(Attack):
    """A stranger keeps 1,010 connections idle, while the process may open 1,024 files."""

    finding = "06"
    address = "127.0.0.2"

    async def run(self, attacker: Attacker) -> None:
        """Open the connections, and each again when it is closed."""
        address, rng = urlsplit(attacker.url), Random(6)

        async def hold(_: int) -> None:
            outcome, writer = "refused", None
            with suppress(OSError):
                reader, writer = await asyncio.open_connection(
                    address.hostname, address.port, local_addr=(self.address, 0)
                )
                writer.write(LIVE)
                if await reader.readline():
                    outcome = "opened"
            attacker.count(outcome)
            try:
                if writer:
                    with suppress(OSError):
                        while await reader.read(4096):
                            pass
            finally:
                if writer:
                    writer.transport.abort()
            await asyncio.sleep(rng.uniform(*REOPEN_SECONDS))

        await attacker.in_parallel(attacker.scaled(IDLE_COUNT), hold, OPEN_EVERY_SECONDS / 10)


class SilentWebSockets(Attack):
    """A stranger holds 540 WebSockets that send no token and hang up after 4.5 s."""

    finding = "03"

    async def run(self, attacker: Attacker) -> None:
        """Open the WebSockets one after the other, and each again when it has ended."""

        async def be_silent(_: int) -> None:
            try:
                async with attacker.session.ws_connect(f"{attacker.url}/ws/sync-status"):
                    attacker.count("opened")
                    await asyncio.sleep(SILENT_SECONDS)
            except aiohttp.WSServerHandshakeError as refusal:
                attacker.count(refusal.status)
                await asyncio.sleep(REFUSED_SECONDS)
            except aiohttp.ClientError:
                attacker.count("refused")
                await asyncio.sleep(REFUSED_SECONDS)

        await attacker.in_parallel(attacker.scaled(SILENT_COUNT), be_silent, OPEN_EVERY_SECONDS)
