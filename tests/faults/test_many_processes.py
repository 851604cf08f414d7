"""Several processes on one PostgreSQL: no run is lost, executed twice or left running."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import aiohttp
import pytest

from domain.events.sync import SyncCompleted, SyncRequeued, SyncStarted
from tests.deadlines import scaled
from tests.dev_tokens import bearer_headers
from tests.faults.cluster import Cluster, running_cluster
from tests.faults.history import History, read_history
from tests.faults.quiescence import wait_for_quiescence

STUDENT_COUNT = 200
CONCURRENT_REQUESTS = 50
LONG_LATENCY_MS = min(scaled(1.0), 10.0) * 1000
"""Long enough that a run is still in progress after the requests of a test.

It stays below the 15 s after which our Canvas client times out.
"""
SHORT_LATENCY_MS = 50


@pytest.fixture(scope="module")
def started_cluster() -> Iterator[Cluster]:
    roles = ("api", "api", "worker", "worker", "projector,scheduler")
    with running_cluster(
        roles, students=STUDENT_COUNT, courses=2, SYNC_CONCURRENCY_PER_HOST="24"
    ) as cluster:
        yield cluster


@pytest.fixture
def cluster(started_cluster: Cluster) -> Cluster:
    started_cluster.restore()
    return started_cluster


class ConnectedStudent(NamedTuple):
    """A person, their connection, and its first run."""

    person_id: UUID
    connection_id: str
    first_sync_id: UUID


class Clients:
    """HTTP clients of the students; even numbers use one API process, odd numbers the other."""

    def __init__(self, cluster: Cluster, session: aiohttp.ClientSession) -> None:
        self._cluster, self._session = cluster, session

    async def connect(self, student_number: int) -> ConnectedStudent:
        """Connect a new person with the Canvas token of a student."""
        person_id, student = uuid4(), self._cluster.students[student_number]
        setup = {
            "canvas_url": student["canvas_url"],
            "canvas_name": "Sandbox",
            "api_token": student["token"],
        }
        status, document = await self.command(
            student_number, "/api/v1/canvas/setup", person_id, setup
        )
        assert status == 201, document
        return ConnectedStudent(
            person_id, document["connection"]["id"], UUID(document["sync"]["id"])
        )

    async def sync(self, number: int, student: ConnectedStudent) -> tuple[int, Any]:
        """Request a run."""
        path = f"/api/v1/canvas/connections/{student.connection_id}/sync"
        return await self.command(number, path, student.person_id)

    async def command(
        self, number: int, path: str, person_id: UUID, body: Any = None
    ) -> tuple[int, Any]:
        """Send a command once; with the same key again while the API process is overloaded.

        A 503 can follow a command that has taken effect, which would be refused the second time.
        """
        key = str(uuid4())
        async with asyncio.timeout(scaled(60)):
            while True:
                status, document = await self.request(
                    "POST", number, path, person_id, body=body, key=key
                )
                if status != 503 and document.get("type") != "/problems/idempotency-key-in-use":
                    return status, document
                await asyncio.sleep(1)

    async def cancel(self, number: int, student: ConnectedStudent) -> tuple[int, Any]:
        """Cancel the newest run of a connection as soon as a worker has started it."""
        logs = f"/api/v1/sync/logs?connection_id={student.connection_id}&limit=1"
        async with asyncio.timeout(scaled(20)):
            while True:
                _, newest = await self.request("GET", number, logs, student.person_id)
                if newest["items"][0]["status"] != "queued":
                    break
                await asyncio.sleep(0.05)
        path = f"/api/v1/sync/connections/{student.connection_id}"
        return await self.request("DELETE", number, path, student.person_id)

    async def control(self, operation: str, **arguments: Any) -> None:
        """Execute a control operation of the sandbox."""
        url = f"{self._cluster.students[0]['canvas_url']}/sandbox/{operation}"
        async with self._session.post(url, json=arguments) as response:
            assert response.status == 200, await response.text()

    async def request(
        self,
        method: str,
        number: int,
        path: str,
        person_id: UUID,
        *,
        body: Any = None,
        key: str | None = None,
    ) -> tuple[int, Any]:
        url = self._cluster.urls[number % 2] + path
        headers = bearer_headers(person_id) | ({"Idempotency-Key": key} if key else {})
        async with self._session.request(method, url, json=body, headers=headers) as response:
            return response.status, await response.json()


async def test_each_of_two_hundred_syncs_completes_once_while_a_worker_is_killed(
    cluster: Cluster,
) -> None:
    async with aiohttp.ClientSession() as session:
        clients = Clients(cluster, session)
        students = await asyncio.gather(
            *(clients.connect(number) for number in range(STUDENT_COUNT))
        )
        await wait_for_quiescence(cluster)
        await clients.control("set_latency", latency_ms=LONG_LATENCY_MS)
        responses = await asyncio.gather(
            *(clients.sync(number, student) for number, student in enumerate(students))
        )
        assert Counter(status for status, _ in responses) == {202: STUDENT_COUNT}
        await asyncio.to_thread(cluster.with_role("worker")[0].kill)
        await clients.control("set_latency", latency_ms=SHORT_LATENCY_MS)
        await wait_for_quiescence(cluster)
    history = await asyncio.to_thread(read_history, cluster.server.url)
    started, requeued, completed = (
        _events_per_run(history, kind) for kind in (SyncStarted, SyncRequeued, SyncCompleted)
    )
    assert {
        (started[student.first_sync_id], completed[student.first_sync_id]) for student in students
    } == {(1, 1)}
    second_sync_ids = [UUID(document["id"]) for _, document in responses]
    assert {completed[sync_id] for sync_id in second_sync_ids} == {1}
    assert all(started[sync_id] == 1 + requeued[sync_id] for sync_id in second_sync_ids)
    assert requeued, "The killed worker had no run in progress."


async def test_fifty_concurrent_requests_for_one_connection_start_one_run(cluster: Cluster) -> None:
    async with aiohttp.ClientSession() as session:
        clients = Clients(cluster, session)
        student = await clients.connect(0)
        await wait_for_quiescence(cluster)
        await clients.control("set_latency", latency_ms=LONG_LATENCY_MS)
        responses = await asyncio.gather(
            *(clients.sync(number, student) for number in range(CONCURRENT_REQUESTS))
        )
        await clients.control("set_latency", latency_ms=SHORT_LATENCY_MS)
        await wait_for_quiescence(cluster)
    assert Counter(status for status, _ in responses) == {202: 1, 409: CONCURRENT_REQUESTS - 1}
    (queued,) = (document["id"] for status, document in responses if status == 202)
    assert {document["sync_id"] for status, document in responses if status == 409} == {queued}
    history = await asyncio.to_thread(read_history, cluster.server.url)
    assert _events_per_run(history, SyncCompleted)[UUID(queued)] == 1


async def test_a_cancelled_run_frees_its_worker_in_any_process(cluster: Cluster) -> None:
    async with aiohttp.ClientSession() as session:
        clients = Clients(cluster, session)
        students = [await clients.connect(number) for number in range(4)]
        await wait_for_quiescence(cluster)
        await clients.control("inject", kind="hang", times=None, path="courses")
        hanging = [await clients.sync(number, student) for number, student in enumerate(students)]
        assert {status for status, _ in hanging} == {202}
        for number, student in enumerate(students):
            status, cancelled = await clients.cancel(number, student)
            assert (status, cancelled["status"]) == (202, "cancelled")
        await clients.control("clear_faults")
        async with asyncio.timeout(scaled(5)):
            assert {(await clients.sync(0, student))[0] for student in students} == {202}
            await wait_for_quiescence(cluster)
    completed = _events_per_run(
        await asyncio.to_thread(read_history, cluster.server.url), SyncCompleted
    )
    assert not any(completed[UUID(document["id"])] for _, document in hanging)


def _events_per_run(history: History, event_type: type[Any]) -> Counter[UUID]:
    """Count the events of a type for each run."""
    return Counter(
        recorded.event.sync_id
        for recorded in history.events
        if isinstance(recorded.event, event_type)
    )
