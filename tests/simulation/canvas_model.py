"""Duration of runs at a modelled Canvas with a leaky bucket, measured with our Canvas client."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any, NamedTuple, cast

from aiohttp import ClientConnectionError, ClientSession
from multidict import CIMultiDict

from domain.errors import CanvasFailure
from infrastructure.canvas.api_client import CanvasApi
from infrastructure.canvas.limits import DEFAULT_LIMITS
from infrastructure.canvas.throttle import Throttle
from infrastructure.canvas_sandbox.leaky_bucket import LeakyBucket
from tests.simulation.assumptions import Assumptions
from tests.simulation.institutions import HostBehaviour
from tests.simulation.virtual_loop import run_virtual

BUCKET_LIMIT_UNITS = 600
"""The default of Canvas: above it, requests are refused."""
REQUEST_COST_UNITS = 0.2
CHANGE_FEED_REQUESTS = 3
UNAUTHORIZED = 401
REFUSAL_SECONDS = 0.02
"""Until a host refuses a connection, or a request because of its rate limit."""
OTHER_PROGRAM_REQUESTS = 6
"""In flight all the time, with the same token."""
ORIGIN = "https://canvas.example"


class RunSample(NamedTuple):
    """The seconds and requests of one run; refused requests are included."""

    seconds: float
    requests: int


class FakeContent:
    """A response body: an empty JSON list, or nothing."""

    async def iter_chunked(self, _size: int) -> AsyncIterator[bytes]:
        yield b"[]"

    async def read(self, _size: int) -> bytes:
        return b""


class FakeResponse:
    """The part of an aiohttp response that the Canvas client uses."""

    def __init__(self, status: int, remaining: float) -> None:
        self.status, self.ok, self.content = status, status < 400, FakeContent()
        self.headers = CIMultiDict(
            {"Content-Type": "application/json", "X-Rate-Limit-Remaining": str(remaining)}
        )
        if status == UNAUTHORIZED:
            self.headers["WWW-Authenticate"] = 'Bearer realm="canvas-lms"'


class FakeSession:
    """A Canvas for one token; if it responds, it does so as its leaky bucket allows."""

    def __init__(
        self, assumptions: Assumptions, rng: Random, behaviour: HostBehaviour = "responds"
    ) -> None:
        self._assumptions, self._rng, self._behaviour = assumptions, rng, behaviour
        self._bucket = LeakyBucket(BUCKET_LIMIT_UNITS)
        if rng.random() < assumptions.shared_tokens:
            for _ in range(OTHER_PROGRAM_REQUESTS):
                self._bucket.reserve(0)

    @asynccontextmanager
    async def get(self, *_: Any, **__: Any) -> AsyncIterator[FakeResponse]:
        """Respond after a random latency, or refuse if the bucket is full."""
        loop = asyncio.get_running_loop()
        if self._behaviour == "hangs":
            await asyncio.Event().wait()
        if self._behaviour == "refuses":
            await asyncio.sleep(REFUSAL_SECONDS)
            raise ClientConnectionError
        if self._bucket.reserve(loop.time()):
            seconds, cost = self._draw_latency(), REQUEST_COST_UNITS
            status = UNAUTHORIZED if self._behaviour == "rejects" else 200
        else:
            seconds, status, cost = REFUSAL_SECONDS, 429, 0.0
        try:
            await asyncio.sleep(seconds)
        finally:
            self._bucket.settle(cost, loop.time())
        yield FakeResponse(status, self._bucket.remaining)

    def _draw_latency(self) -> float:
        median = self._assumptions.latency
        return min(
            DEFAULT_LIMITS.first_byte_seconds,
            median * self._rng.lognormvariate(0, self._assumptions.latency_sigma),
        )


async def read_incremental(api: CanvasApi, changed_courses: int) -> None:
    """Send the requests of an incremental run: three lists, then the changed courses."""
    await _get_all(api, CHANGE_FEED_REQUESTS)
    await _get_all(api, changed_courses)


async def read_full(api: CanvasApi, courses: int) -> None:
    """Send the requests of a full run: the course list, then each course."""
    await _get_all(api, 1)
    await _get_all(api, courses)


async def _get_all(api: CanvasApi, count: int) -> None:
    await asyncio.gather(*[api.get(api.origin) for _ in range(count)])


ReadAccount = Callable[[CanvasApi, int], Awaitable[None]]


def sample_runs(
    read_account: ReadAccount, count: int, assumptions: Assumptions, rng: Random
) -> list[RunSample]:
    """Measure `assumptions.samples` runs that read `count` courses, each at a new Canvas."""
    return [
        run_virtual(_measure_run(read_account, count, FakeSession(assumptions, rng)))
        for _ in range(assumptions.samples)
    ]


def sample_failing_runs(
    behaviour: HostBehaviour, assumptions: Assumptions, rng: Random, *, host_degraded: bool
) -> list[RunSample]:
    """Measure runs at a Canvas that does not serve them; `host_degraded` after several of them."""
    session = FakeSession(assumptions, rng, behaviour)
    return [
        run_virtual(_measure_run(read_incremental, 0, session, host_degraded=host_degraded))
        for _ in range(max(10, assumptions.samples // 10))
    ]


async def _measure_run(
    read_account: ReadAccount, count: int, session: FakeSession, *, host_degraded: bool = False
) -> RunSample:
    api = CanvasApi(
        cast("ClientSession", session),
        ORIGIN,
        "token",
        throttle=Throttle(DEFAULT_LIMITS.max_in_flight),
        limits=DEFAULT_LIMITS,
        timeout_seconds=DEFAULT_LIMITS.run_seconds,
        host_degraded=host_degraded,
    )
    task = asyncio.ensure_future(read_account(api, count))
    try:
        await task
    except CanvasFailure:
        pass
    finally:
        pending_tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for pending_task in pending_tasks:
            cast("asyncio.Task[None]", pending_task).cancel()
        await asyncio.gather(*pending_tasks, return_exceptions=True)
    return RunSample(asyncio.get_running_loop().time(), api.requests["total"])
