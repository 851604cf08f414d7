"""Listeners that keep every live message of a person, over a WebSocket or as an event stream."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

import aiohttp
import orjson

from tests.dev_tokens import bearer_headers, token_of
from tests.end_to_end.conftest import WAIT_TIMEOUT_SECONDS, Client

Message = dict[str, Any]


class StreamId(NamedTuple):
    """The id of a server-sent event: `position * 1000 + timeline % 1000`."""

    value: int

    @property
    def position(self) -> int:
        return self.value // 1000


class MessageListener:
    """Keeps the messages in their order, with the id of each if it is an event stream."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.ids: list[StreamId | None] = []
        self.is_open = True
        self._changed = asyncio.Condition()

    async def add(self, text: str, id_: str | None = None) -> None:
        """Keep a message, and wake those who wait for it."""
        async with self._changed:
            self.messages.append(orjson.loads(text))
            self.ids.append(StreamId(int(id_)) if id_ else None)
            self._changed.notify_all()

    async def end(self) -> None:
        """Note that the server has ended the stream."""
        async with self._changed:
            self.is_open = False
            self._changed.notify_all()

    async def wait_for(self, is_wanted: Callable[[Message], bool], start: int = 0) -> Message:
        """Wait for the first wanted message at or after the index `start`, and return it."""

        def find() -> Message | None:
            return next((each for each in self.messages[start:] if is_wanted(each)), None)

        async with asyncio.timeout(WAIT_TIMEOUT_SECONDS), self._changed:
            while (found := find()) is None:
                assert self.is_open, f"the server has ended the stream after {self.messages}"
                await self._changed.wait()
        return found

    async def wait_for_end(self, sync_id: str) -> Message:
        """Wait for the message about the end of a run."""
        return await self.wait_for(lambda message: is_end_of(message, sync_id))

    def changes(self) -> list[str]:
        """Return the ids of the grade changes, in the order of their messages."""
        return [each["change"]["id"] for each in self.messages if each["type"] == "grade"]


def is_end_of(message: Message, sync_id: str) -> bool:
    """Whether a message is about the end of a run."""
    return (
        message["type"] == "sync"
        and message["sync"]["id"] == sync_id
        and message["sync"]["finished_at"] is not None
    )


@asynccontextmanager
async def websocket_messages(client: Client) -> AsyncIterator[MessageListener]:
    """Listen over a WebSocket; the snapshot has been received."""
    async with client.session.ws_connect(client.url + "/ws/sync-status") as socket:
        await socket.send_json({"type": "auth", "token": token_of(client.person)})

        async def receive(listener: MessageListener) -> None:
            async for message in socket:
                if message.type == aiohttp.WSMsgType.TEXT:
                    await listener.add(message.data)

        async with _listening(receive) as listener:
            yield listener


@asynccontextmanager
async def event_stream_messages(
    client: Client, last_event_id: int | str | None = None
) -> AsyncIterator[MessageListener]:
    """Listen to server-sent events, after `last_event_id` if it is given."""
    headers = bearer_headers(client.person)
    if last_event_id is not None:
        headers["Last-Event-ID"] = str(last_event_id)
    url = client.url + "/api/v1/sync/events"
    timeout = aiohttp.ClientTimeout(total=None)
    async with client.session.get(url, headers=headers, timeout=timeout) as response:
        assert response.status == 200, await response.text()

        async def receive(listener: MessageListener) -> None:
            id_ = None
            async for line in response.content:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "id":
                    id_ = value
                if name == "data":
                    await listener.add(value, id_)

        async with _listening(receive, needs_snapshot=last_event_id is None) as listener:
            yield listener


@asynccontextmanager
async def _listening(
    receive: Callable[[MessageListener], Any], *, needs_snapshot: bool = True
) -> AsyncIterator[MessageListener]:
    listener = MessageListener()

    async def receive_all() -> None:
        with suppress(aiohttp.ClientError):
            await receive(listener)
        await listener.end()

    task = asyncio.create_task(receive_all())
    try:
        if needs_snapshot:
            await listener.wait_for(lambda message: message["type"] == "snapshot")
        yield listener
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
