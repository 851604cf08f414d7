"""A request that is repeated with its key gets its response, whenever its process was killed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, LiteralString, NamedTuple
from uuid import UUID, uuid4

import aiohttp
import psycopg
import pytest

from tests.deadlines import scaled
from tests.dev_tokens import bearer_headers
from tests.faults.cluster import Cluster, running_cluster

SETUP = "/api/v1/canvas/setup"
CANVAS_LATENCY_MS = min(scaled(1.0), 10.0) * 1000
APPEND_LOCK = "SELECT pg_advisory_xact_lock(1161905989, 1)"
"""Takes the lock of all appends for itself, so that appends wait."""
KEY_OF_PERSON = "SELECT count(*) FROM easeboard.idempotency_keys WHERE person_id = %s"
EVENTS_OF_PERSON = "SELECT count(*) FROM easeboard.events WHERE person_id = %s"
CONNECTIONS_OF_PERSON = f"{EVENTS_OF_PERSON} AND topic = 'ConnectionOpened'"
WAITING_SESSIONS = """
SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s
"""


class Reply(NamedTuple):
    """A response, with its JSON."""

    status: int
    document: Any
    headers: Any

    @property
    def is_replayed(self) -> bool:
        return bool(self.headers.get("Idempotency-Replayed") == "true")


class Person:
    """A new person, who sets up a connection with one key, at any API process."""

    def __init__(self, cluster: Cluster, session: aiohttp.ClientSession) -> None:
        self._cluster, self._session = cluster, session
        self.id = uuid4()
        self.first, self.second = cluster.urls

    async def set_up(self, url: str) -> Reply:
        student = self._cluster.students[0]
        body = {"canvas_url": student["canvas_url"], "api_token": student["token"]}
        return await self.request("POST", url + SETUP, body)

    async def request(self, method: str, url: str, body: Any = None, **headers: str) -> Reply:
        headers |= bearer_headers(self.id) | {"Idempotency-Key": "the-same-key"}
        async with self._session.request(method, url, json=body, headers=headers) as response:
            return Reply(response.status, await response.json(), response.headers)

    async def find(self, statement: LiteralString, value: UUID | str) -> None:
        """Wait until a statement counts something."""
        async with asyncio.timeout(scaled(20)):
            while not await asyncio.to_thread(self.count, statement, value):  # noqa: ASYNC110  # the server sends no signal
                await asyncio.sleep(0.02)

    def count(self, statement: LiteralString, value: UUID | str) -> int:
        with psycopg.connect(self._cluster.server.url) as connection:
            row = connection.execute(statement, [value]).fetchone()
        return int(row[0]) if row else 0

    async def send_until_answered(self, url: str) -> Reply:
        """Send the request again, as long as its key is in use."""
        async with asyncio.timeout(scaled(15)):
            while True:
                reply = await self.set_up(url)
                if reply.document.get("type") != "/problems/idempotency-key-in-use":
                    return reply
                assert reply.headers["Retry-After"] == "1"
                await asyncio.sleep(0.2)

    async def check_connection(self, reply: Reply) -> None:
        """The reply is that of the only connection, and every process repeats it."""
        assert reply.status == 201, reply.document
        token = {"Consistency-Token": reply.headers["Consistency-Token"], "Prefer": "wait=10"}
        listed = await self.request("GET", self.second + "/api/v1/canvas/connections", **token)
        assert [item["id"] for item in listed.document["items"]] == [
            reply.document["connection"]["id"]
        ]
        assert self.count(CONNECTIONS_OF_PERSON, self.id) == 1
        again = await self.set_up(self.second)
        assert (again.status, again.document, again.is_replayed) == (201, reply.document, True)


@pytest.fixture(scope="module")
def started_cluster() -> Iterator[Cluster]:
    with running_cluster(("api", "api", "worker,projector,scheduler"), courses=1) as cluster:
        yield cluster


@pytest.fixture
def cluster(started_cluster: Cluster) -> Cluster:
    started_cluster.restore()
    return started_cluster


@pytest.fixture
async def person(cluster: Cluster) -> AsyncIterator[Person]:
    async with aiohttp.ClientSession() as session:
        control = f"{cluster.students[0]['canvas_url']}/sandbox/set_latency"
        async with session.post(control, json={"latency_ms": CANVAS_LATENCY_MS}) as response:
            assert response.status == 200
        yield Person(cluster, session)


@asynccontextmanager
async def locked(cluster: Cluster, statement: LiteralString) -> AsyncIterator[None]:
    """Hold the locks of a statement until the block ends."""
    async with await psycopg.AsyncConnection.connect(cluster.server.url) as connection:
        await connection.execute(statement)
        yield
        await connection.rollback()


async def stop_before_store(person: Person, first: "asyncio.Task[Reply]") -> None:
    """Wait until the first process has appended, and cannot store its response."""
    await person.find(EVENTS_OF_PERSON, person.id)
    await person.find(WAITING_SESSIONS, "%idempotency_keys%")
    assert not first.done()


async def test_killed_between_append_and_stored_response(cluster: Cluster, person: Person) -> None:
    first = asyncio.create_task(person.set_up(person.first))
    await person.find(KEY_OF_PERSON, person.id)
    async with locked(cluster, "SELECT FROM easeboard.idempotency_keys FOR UPDATE"):
        await stop_before_store(person, first)
        await asyncio.to_thread(cluster.with_role("api")[0].kill)
        with psycopg.connect(cluster.server.admin_url) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND query LIKE '%idempotency_keys%'"
            )
    await asyncio.wait([first])
    assert first.exception()
    reply = await person.set_up(person.second)
    assert reply.is_replayed
    await person.check_connection(reply)


async def test_a_process_that_is_slow_after_its_append_is_not_waited_for(
    cluster: Cluster, person: Person
) -> None:
    first = asyncio.create_task(person.set_up(person.first))
    await person.find(KEY_OF_PERSON, person.id)
    async with locked(cluster, "SELECT FROM easeboard.idempotency_keys FOR UPDATE"):
        await stop_before_store(person, first)
        reply = await person.set_up(person.second)
        assert (reply.status, reply.is_replayed) == (201, True)
    slow = await first
    assert slow.document["sync"]["id"] == reply.document["sync"]["id"]
    await person.check_connection(slow)


async def test_killed_before_the_append(cluster: Cluster, person: Person) -> None:
    first = asyncio.create_task(person.set_up(person.first))
    await person.find(KEY_OF_PERSON, person.id)
    async with locked(cluster, APPEND_LOCK):
        await person.find(WAITING_SESSIONS, "%easeboard%append%")
        await asyncio.to_thread(cluster.with_role("api")[0].kill)
    await asyncio.wait([first])
    await person.check_connection(await person.send_until_answered(person.second))


async def test_killed_while_it_waits_for_canvas(cluster: Cluster, person: Person) -> None:
    first = asyncio.create_task(person.set_up(person.first))
    await person.find(KEY_OF_PERSON, person.id)
    await asyncio.to_thread(cluster.with_role("api")[0].kill)
    await asyncio.wait([first])
    reply = await person.set_up(person.second)
    assert not reply.is_replayed
    await person.check_connection(reply)


async def test_two_processes_at_the_same_time(person: Person) -> None:
    replies = await asyncio.gather(
        *(person.set_up(url) for url in (person.first, person.second) * 3)
    )
    answered = [reply for reply in replies if reply.status == 201]
    assert answered
    assert {reply.status for reply in replies} <= {201, 409}
    assert len({reply.document["sync"]["id"] for reply in answered}) == 1
    await person.check_connection(await person.send_until_answered(person.first))
