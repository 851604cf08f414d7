"""A person who listens to the live messages of the service over a WebSocket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import orjson

from tests.dev_tokens import token_of
from tests.end_to_end.conftest import Client


class LiveListener:
    """Receives the messages of one person until it is closed."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.messages: list[dict[str, Any]] = []

    async def receive_all(self) -> None:
        """Receive messages until the connection ends."""
        async for message in self._socket:
            if message.type == aiohttp.WSMsgType.TEXT:
                self.messages.append(orjson.loads(message.data))

    def failures(self) -> list[str]:
        """Return the codes of the failed runs about which messages came, in order."""
        runs = [message["sync"] for message in self.messages if message["type"] == "sync"]
        return [run["error"]["code"] for run in runs if run["status"] == "failed"]


@asynccontextmanager
async def listening(clients: list[Client]) -> AsyncIterator[list[LiveListener]]:
    """Open a WebSocket for each of these people; all have received their snapshot."""
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        listeners = []
        for client in clients:
            url = f"{client.url}/ws/sync-status"
            socket = await stack.enter_async_context(client.session.ws_connect(url))
            await socket.send_json({"type": "auth", "token": token_of(client.person)})
            snapshot = orjson.loads(await socket.receive_str())
            if snapshot["type"] != "snapshot":
                raise AssertionError(f"The first message is {snapshot}, not a snapshot.")
            listeners.append(LiveListener(socket))
        tasks = [group.create_task(listener.receive_all()) for listener in listeners]
        yield listeners
        for task in tasks:
            task.cancel()
