"""The minimum cost of a sync: aiohttp fetches the same bytes on uvloop, orjson parses them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from time import perf_counter, process_time
from typing import NamedTuple, TypeVar

import aiohttp
import orjson
import uvloop

from infrastructure.canvas.sessions import REQUEST_HEADERS

T = TypeVar("T")

NOT_MODIFIED = 304


class StudentRequest(NamedTuple):
    """One request of a student; if `is_cached`, Canvas answers 304 to it."""

    url: str
    is_cached: bool


class StudentRequests(NamedTuple):
    """The requests of one student: first one alone, then all others in parallel."""

    token: str
    requests: list[StudentRequest]


class FetchCost(NamedTuple):
    """Seconds of wall-clock time and of CPU time."""

    wall: float
    cpu: float


async def for_each(
    items: Iterable[T], action: Callable[[T], Awaitable[object]], *, concurrency: int
) -> None:
    """Run `action` for all items, at most `concurrency` at a time."""
    iterator = iter(items)

    async def work() -> None:
        for item in iterator:
            await action(item)

    await asyncio.gather(*(work() for _ in range(concurrency)))


def fetch_and_parse(students: list[StudentRequests], concurrency: int) -> FetchCost:
    """Send all requests from this process, over kept-alive connections, and return the cost.

    A first round, which is not measured, opens the connections and fetches the validators.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(students, concurrency))


async def _measure(students: list[StudentRequests], concurrency: int) -> FetchCost:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(headers=REQUEST_HEADERS, connector=connector) as session:
        client = _Client(session)
        await for_each(students, client.run, concurrency=concurrency)
        started_at, cpu_started_at = perf_counter(), process_time()
        await for_each(students, client.run, concurrency=concurrency)
        return FetchCost(perf_counter() - started_at, process_time() - cpu_started_at)


class _Client:
    """Sends requests, and stores the validators of those that Canvas answers with 304."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._validators: dict[tuple[str, str], str] = {}

    async def run(self, student: StudentRequests) -> None:
        """Send all requests of one student."""
        first, *others = student.requests
        await self._get(student.token, first)
        await asyncio.gather(*(self._get(student.token, request) for request in others))

    async def _get(self, token: str, request: StudentRequest) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        key = (token, request.url)
        if request.is_cached and key in self._validators:
            headers["If-None-Match"] = self._validators[key]
        async with self._session.get(request.url, headers=headers) as response:
            body = await response.read()
            if request.is_cached and "ETag" in response.headers:
                self._validators[key] = response.headers["ETag"]
            if response.status != NOT_MODIFIED:
                orjson.loads(body)
