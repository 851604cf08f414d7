"""Attacks the live channel with messages that nothing needs."""

import asyncio

import aiohttp

from tests.attacks.attack import Attack, Attacker

BATCH = 1000
RECONNECT_SECONDS = 0.1


class MessageFlood(Attack):
    """A student sends messages of one byte over a WebSocket, as fast as possible."""

    finding = "13"

    async def run(self, attacker: Attacker) -> None:
        """Send messages until the WebSocket is closed, and connect again."""

        async def flood(_: int) -> None:
            try:
                await _flood_socket(attacker)
            except (aiohttp.ClientError, ConnectionError) as error:
                attacker.count(type(error).__name__)
            await asyncio.sleep(RECONNECT_SECONDS)

        await attacker.in_parallel(1, flood)


async def _flood_socket(attacker: Attacker) -> None:
    url = f"{attacker.url}/ws/sync-status"
    async with attacker.session.ws_connect(url) as socket:
        token = attacker.issuer.token_of(attacker.person)
        await socket.send_json({"type": "auth", "token": token})
        reading = asyncio.create_task(_read_to_end(socket))
        try:
            while not reading.done():
                for _ in range(BATCH):
                    await socket.send_str("x")
                attacker.counts["messages"] += BATCH
                await asyncio.sleep(0)
        finally:
            reading.cancel()
    attacker.count(f"closed {socket.close_code}")


async def _read_to_end(socket: aiohttp.ClientWebSocketResponse) -> None:
    async for _ in socket:
        pass
