"""Many processes on one PostgreSQL work as one."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import aiohttp
import pytest

from domain.events.sync import SyncCompleted, SyncRequeued, SyncStarted
from tests.dev_tokens import bearer
from tests.faults.cluster import House
from tests.faults.cluster import house as building
from tests.faults.history import History, history
from tests.faults.quiescence import calm

STUDENTS = 200
AT_ONCE = 50


@pytest.fixture(scope="module")
def built() -> Iterator[House]:
    roles = ("api", "api", "worker", "worker", "projector,scheduler")
    with building(roles, students=STUDENTS, courses=2, SYNC_CONCURRENCY_PER_HOST="24") as house:
        yield house


@pytest.fixture
def house(built: House) -> House:
    built.mend()
    return built


class Connected(NamedTuple):
    """A person, their connection, and its first run."""

    who: UUID
    connection: str
    first: UUID


class Crowd:
    """Everybody at the Canvas, each asking the API processes in turn."""

    def __init__(self, house: House, session: aiohttp.ClientSession) -> None:
        self._house, self._session = house, session

    async def connect(self, student: int) -> Connected:
        """Let one of them set up."""
        who, body = uuid4(), self._house.students[student]
        wish = {
            "canvas_url": body["canvas_url"],
            "canvas_name": "Sandbox",
            "api_token": body["token"],
        }
        status, answer = await self.ask("POST", student, "/api/v1/canvas/setup", who, wish)
        assert status == 201, answer
        return Connected(who, answer["connection"]["id"], UUID(answer["sync"]["id"]))

    async def sync(self, door: int, one: Connected) -> tuple[int, Any]:
        """Ask one of the API processes for a run now; again while that has too much to do."""
        path = f"/api/v1/canvas/connections/{one.connection}/sync"
        async with asyncio.timeout(60):
            while True:
                status, answer = await self.ask("POST", door, path, one.who)
                if answer.get("type") != "/problems/overloaded":
                    return status, answer
                await asyncio.sleep(1)

    async def cancel(self, door: int, one: Connected) -> tuple[int, Any]:
        """Call a run off as soon as a worker is at it."""
        logs = f"/api/v1/sync/logs?connection_id={one.connection}&limit=1"
        async with asyncio.timeout(20):
            while True:
                _, newest = await self.ask("GET", door, logs, one.who)
                if newest["items"][0]["status"] != "queued":
                    break
                await asyncio.sleep(0.05)
        path = f"/api/v1/sync/connections/{one.connection}"
        return await self.ask("DELETE", door, path, one.who)

    async def pull(self, lever: str, **arguments: Any) -> None:
        """Use one of the sandbox's levers."""
        url = f"{self._house.students[0]['canvas_url']}/sandbox/{lever}"
        async with self._session.post(url, json=arguments) as answer:
            assert answer.status == 200, await answer.text()

    async def ask(
        self, method: str, door: int, path: str, who: UUID, body: Any = None
    ) -> tuple[int, Any]:
        url = self._house.urls[door % 2] + path
        async with self._session.request(method, url, json=body, headers=bearer(who)) as answer:
            return answer.status, await answer.json()


async def test_two_hundred_are_synchronised_once_each_and_again_while_a_worker_is_killed(
    house: House,
) -> None:
    async with aiohttp.ClientSession() as session:
        crowd = Crowd(house, session)
        people = await asyncio.gather(*(crowd.connect(number) for number in range(STUDENTS)))
        await calm(house)
        answers = await asyncio.gather(
            *(crowd.sync(number, one) for number, one in enumerate(people))
        )
        assert Counter(status for status, _ in answers) == {202: STUDENTS}
        await asyncio.to_thread(house.of("worker")[0].kill)
        await calm(house)
    log = await asyncio.to_thread(history, house.server.url)
    started, lost, completed = (
        _runs(log, kind) for kind in (SyncStarted, SyncRequeued, SyncCompleted)
    )
    assert {(started[one.first], completed[one.first]) for one in people} == {(1, 1)}
    again = [UUID(answer["id"]) for _, answer in answers]
    assert {completed[sync_id] for sync_id in again} == {1}
    assert all(started[sync_id] == 1 + lost[sync_id] for sync_id in again)
    assert lost, "the worker was killed in the middle of some"


async def test_fifty_who_ask_at_once_for_one_connection_get_one_run(house: House) -> None:
    async with aiohttp.ClientSession() as session:
        crowd = Crowd(house, session)
        one = await crowd.connect(0)
        await calm(house)
        await crowd.pull("set_latency", latency_ms=2_000)
        answers = await asyncio.gather(*(crowd.sync(number, one) for number in range(AT_ONCE)))
        await crowd.pull("set_latency", latency_ms=50)
        await calm(house)
    assert Counter(status for status, _ in answers) == {202: 1, 409: AT_ONCE - 1}
    (queued,) = (answer["id"] for status, answer in answers if status == 202)
    assert {answer["sync_id"] for status, answer in answers if status == 409} == {queued}
    log = await asyncio.to_thread(history, house.server.url)
    assert _runs(log, SyncCompleted)[UUID(queued)] == 1


async def test_a_run_that_is_called_off_frees_its_worker_wherever_that_is(house: House) -> None:
    async with aiohttp.ClientSession() as session:
        crowd = Crowd(house, session)
        people = [await crowd.connect(number) for number in range(4)]
        await calm(house)
        await crowd.pull("inject", kind="hang", times=None, path="courses")
        hanging = [await crowd.sync(number, one) for number, one in enumerate(people)]
        assert {status for status, _ in hanging} == {202}
        for number, one in enumerate(people):
            status, cancelled = await crowd.cancel(number, one)
            assert (status, cancelled["status"]) == (202, "cancelled")
        await crowd.pull("clear_faults")
        async with asyncio.timeout(5):
            assert {(await crowd.sync(0, one))[0] for one in people} == {202}
            await calm(house)
    completed = _runs(await asyncio.to_thread(history, house.server.url), SyncCompleted)
    assert not any(completed[UUID(answer["id"])] for _, answer in hanging)


def _runs(log: History, kind: type[Any]) -> Counter[UUID]:
    """How many events of a kind each run has."""
    return Counter(each.event.sync_id for each in log.events if isinstance(each.event, kind))
