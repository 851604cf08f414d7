"""A failover or a restore that lost the newest events: everything goes on by itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from random import Random
from typing import Any

import aiohttp
import pytest

from tests.deadlines import scaled
from tests.dev_tokens import bearer_headers, token_of
from tests.faults import invariants
from tests.faults.client_log import ClientLog
from tests.faults.cluster import Cluster, running_cluster
from tests.faults.failovers import FAILOVERS
from tests.faults.load import Student
from tests.faults.quiescence import wait_for_quiescence

RECOVERY_SECONDS = scaled(10.0)
TOKEN = "Consistency-Token"
CONNECTIONS = "/api/v1/canvas/connections"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with running_cluster(("api,worker,scheduler,projector",)) as running:
        yield running


class Reader:
    """A student who reads, and listens on a WebSocket that connects again."""

    def __init__(self, cluster: Cluster, session: aiohttp.ClientSession, student: Student) -> None:
        self._cluster, self._session, self._person = cluster, session, student.person
        self.messages: list[dict[str, Any]] = []

    async def get(self, path: str, token: str | None = None) -> tuple[int, str | None]:
        """Read with a token, and return the status and the token of the response."""
        headers = bearer_headers(self._person) | ({TOKEN: token} if token else {})
        try:
            async with self._session.get(self._cluster.urls[0] + path, headers=headers) as response:
                return response.status, response.headers.get(TOKEN)
        except aiohttp.ClientError:
            return 0, None

    async def listen(self) -> None:
        """Receive the messages of the WebSocket, and connect again when it is closed."""
        while True:
            try:
                url = self._cluster.urls[0] + "/ws/sync-status"
                async with self._session.ws_connect(url) as socket:
                    await socket.send_json({"type": "auth", "token": token_of(self._person)})
                    async for message in socket:
                        self.messages.append(message.json())
            except (aiohttp.ClientError, TypeError):
                pass
            await asyncio.sleep(0.1)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def eventually(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait until a condition is met; raises AssertionError after RECOVERY_SECONDS."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + RECOVERY_SECONDS
    while not await condition():
        assert loop.time() < deadline, f"Not within {RECOVERY_SECONDS} s: {what}"
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("kind", sorted(FAILOVERS))
async def test_everything_goes_on_after_the_newest_events_were_lost(
    cluster: Cluster, session: aiohttp.ClientSession, kind: str
) -> None:
    student = Student(cluster, session, ClientLog(), Random(1))
    await student.set_up()
    assert student.connection
    await wait_for_quiescence(cluster)
    reader = Reader(cluster, session, student)
    _, before = await reader.get(CONNECTIONS)
    go_back = await asyncio.to_thread(FAILOVERS[kind], cluster.server)
    await eventually(lambda: _answers(reader, None), "reads answer")
    await student.sync(student.connection)
    await wait_for_quiescence(cluster)
    _, beyond = await reader.get(CONNECTIONS)
    assert before
    assert beyond
    assert beyond != before
    listener = asyncio.create_task(reader.listen())
    await asyncio.to_thread(go_back)
    try:
        await _assert_everything_goes_on(cluster, student, reader, before, beyond)
    finally:
        listener.cancel()
    await asyncio.to_thread(invariants.streams_have_no_gaps, cluster.server.url)
    await asyncio.to_thread(invariants.read_models_equal_a_rebuild, cluster.server.url)


async def _assert_everything_goes_on(
    cluster: Cluster, student: Student, reader: Reader, before: str, beyond: str
) -> None:
    assert student.connection
    await eventually(lambda: _answers(reader, None), "reads answer")
    await eventually(lambda: _answers(reader, before), "a token from before works")
    assert (await reader.get(CONNECTIONS, beyond))[0] == 400
    heard = len(reader.messages)
    requested = await student.sync(student.connection)
    assert requested.is_acknowledged, requested
    sync_id = requested.response["id"]

    async def is_told() -> bool:
        syncs = [sync for message in reader.messages[heard:] for sync in syncs_in(message)]
        return any(sync["id"] == sync_id and sync["status"] == "completed" for sync in syncs)

    await eventually(is_told, "the WebSocket tells that the sync has completed")
    await wait_for_quiescence(cluster)
    assert (await reader.get(CONNECTIONS, beyond))[0] == 400
    assert (await reader.get(CONNECTIONS, before))[0] == 200


def syncs_in(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the syncs in a message; who joins again can be told the end by a snapshot."""
    if message["type"] == "snapshot":
        return [item["sync"] for item in message["items"] if item["sync"]]
    return [message["sync"]] if message["type"] == "sync" else []


async def _answers(reader: Reader, token: str | None) -> bool:
    status, _ = await reader.get(CONNECTIONS, token)
    return status == 200
