"""Plays the scenes: the host goes away, or revokes every token, and then the scheduler starts."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

from infrastructure.scheduling.scanner import SCAN_INTERVAL_SECONDS
from tests.deadlines import scaled
from tests.end_to_end.conftest import Client, wait_until
from tests.scenes.live_listener import listening
from tests.scenes.population import ScenePerson
from tests.scenes.process_usage import cpu_seconds, peak_memory_mib
from tests.scenes.read_load import reading
from tests.scenes.scene_result import SceneResult
from tests.scenes.scene_service import SceneService

HowAway = Literal["unavailable", "close", "hang"]
OBSERVED_PEOPLE = 20
"""People who listen, and whose documents are compared; others only have connections."""
COMPARED_PATHS = ("canvas/courses", "canvas/assignments", "canvas/grades")
SECONDS_PER_FAILED_RUN = 0.1
REJECTED = "SELECT count(*) FROM read.connections WHERE NOT active"
FAILED = "SELECT count(*) FROM read.connections WHERE failures > 0"

Documents = dict[str, Any]


async def play_tokens_revoked(
    service: SceneService, *, later_seconds: float = SCAN_INTERVAL_SECONDS + 2, new_tokens: int = 5
) -> SceneResult:
    """Revoke every token, wait until all connections have noticed, then enter some new tokens."""
    await service.control("revoke_all_tokens")
    async with _observed(service, REJECTED, later_seconds) as result:
        for person in service.people[:new_tokens]:
            result.whole_seconds.append(await _enter_new_token(service, person))
    return result


async def play_host_away(
    service: SceneService,
    how: HowAway = "unavailable",
    *,
    later_seconds: float = SCAN_INTERVAL_SECONDS + 2,
) -> SceneResult:
    """Take the host away until all connections have noticed; then one person requests a sync."""
    await service.control("host_away", how=how)
    async with _observed(service, FAILED, later_seconds) as result:
        await service.control("host_back")
        person = service.people[0]
        started = time.perf_counter()
        await service.client(person).sync(str(person.connection_id))
        await _require_newest_run(service, person, "completed")
        result.whole_seconds.append(time.perf_counter() - started)
    return result


@asynccontextmanager
async def _observed(
    service: SceneService, noticed: str, later_seconds: float
) -> AsyncIterator[SceneResult]:
    """Measure from the start of the scheduler until all have noticed, and `later_seconds` more."""
    result = SceneResult(len(service.people))
    observed = [service.client(person) for person in service.people[-OBSERVED_PEOPLE:]]
    readers = [service.client(person) for person in service.people]
    before = [await _documents_of(client) for client in observed]
    cpu_before = _cpu_of(service)
    await service.control("forget_requests")
    async with listening(observed) as listeners, reading(readers) as result.reads:
        await service.start("scheduler")
        started = time.perf_counter()
        await service.wait_for_count(
            len(service.people), 30 + SECONDS_PER_FAILED_RUN * len(service.people), noticed
        )
        result.seconds_until_all_failed = time.perf_counter() - started
        await _count_requests(service, result)
        result.later_seconds = later_seconds
        await asyncio.sleep(later_seconds)
        total = (await service.control("counters"))["requests"]
        result.later_requests = total - result.requests
        result.changed_documents = await _changed_documents(observed, before)
        result.messages = [listener.failures() for listener in listeners]
    result.cpu_seconds = {
        name: seconds - cpu_before.get(name, 0.0) for name, seconds in _cpu_of(service).items()
    }
    result.memory_mib = {
        name: peak_memory_mib(process.pid) for name, process in service.processes.items()
    }
    yield result
    for process in service.processes.values():
        result.log_lines.update(str(line.get("event")) for line in process.log_lines())


def _cpu_of(service: SceneService) -> dict[str, float]:
    return {
        name: cpu_seconds(process.pid)
        for name, process in service.processes.items()
        if process.is_alive
    }


async def _count_requests(service: SceneService, result: SceneResult) -> None:
    requests = await service.control("requests")
    result.requests = (await service.control("counters"))["requests"]
    result.requests_by_student = Counter(request["student"] for request in requests)


async def _documents_of(client: Client) -> Documents:
    """Return what a person reads: their data, and when it was last read from Canvas."""
    documents = {path: await client.get(f"/api/v1/{path}") for path in COMPARED_PATHS}
    data = await client.get("/api/v1/canvas/data")
    documents["synced_at"] = data["synced_at"]
    documents["last_synced_at"] = [each["last_synced_at"] for each in data["connections"]]
    if not documents["synced_at"] or not documents["canvas/courses"]["items"]:
        raise AssertionError("This person has no data yet.")
    return documents


async def _changed_documents(clients: Sequence[Client], before: Sequence[Documents]) -> list[str]:
    return [
        path
        for client, earlier in zip(clients, before, strict=True)
        for path, document in (await _documents_of(client)).items()
        if document != earlier[path]
    ]


async def read_connection(service: SceneService, person: ScenePerson) -> dict[str, Any]:
    """Return the connection of a person as they read it."""
    path = f"/api/v1/canvas/connections/{person.connection_id}"
    connection: dict[str, Any] = await service.client(person).get(path)
    return connection


async def _enter_new_token(service: SceneService, person: ScenePerson) -> float:
    """Grade something, enter a new token, and return after how many seconds the grade is there."""
    client, score = service.client(person), 1.25
    graded = (await client.get("/api/v1/canvas/assignments?status=graded"))["items"][0]
    await service.control(
        "set_grade", assignment_id=graded["canvas_id"], score=score, student=person.student
    )
    token = await service.control("issue_token", student=person.student)
    started = time.perf_counter()
    path = f"/api/v1/canvas/connections/{person.connection_id}/token"
    response = await client("PUT", path, json={"api_token": token})
    if response.status != 200:
        raise AssertionError(response.body)

    async def is_fresh() -> bool:
        assignment = await client.get(f"/api/v1/canvas/assignments/{graded['id']}")
        return bool(assignment["submission"]["score"] == score)

    async with asyncio.timeout(scaled(60)):
        await wait_until(is_fresh)
    await _require_newest_run(service, person, "completed")
    return time.perf_counter() - started


async def _require_newest_run(service: SceneService, person: ScenePerson, status: str) -> None:
    """Wait until the newest run of a person has ended; it must have this status."""
    run = await service.client(person).wait_for_sync(str(person.connection_id))
    if run["status"] != status:
        raise AssertionError(f"The newest run is {run}.")
