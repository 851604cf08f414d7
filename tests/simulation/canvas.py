"""How long runs take at a modelled Canvas: our own asking and throttle, its own leaky bucket."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any, NamedTuple, cast

from aiohttp import ClientSession
from multidict import CIMultiDict

from domain.errors import CanvasFailure
from infrastructure.canvas.api_client import Asking
from infrastructure.canvas.limits import USUAL
from infrastructure.canvas.throttle import Throttle
from infrastructure.canvas_sandbox.bucket import Bucket
from tests.simulation.assumptions import Assumptions
from tests.simulation.virtual_loop import lived

MARK = 600
"""Units at which Canvas refuses, where nobody configured it otherwise."""
COST = 0.2
FEEDS = 3
OTHERS = 6
"""Requests that another program has in flight with the same token."""
ORIGIN = "https://canvas.example"


class Taken(NamedTuple):
    """What one run took: seconds, and requests, those that were refused included."""

    seconds: float
    requests: int


class Content:
    """An empty list, or the words of a refusal."""

    async def iter_chunked(self, _size: int) -> AsyncIterator[bytes]:
        yield b"[]"

    async def read(self, _size: int) -> bytes:
        return b""


class Response:
    """As much of aiohttp's as we look at."""

    def __init__(self, status: int, remaining: float) -> None:
        self.status, self.ok, self.content = status, status < 400, Content()
        self.headers = CIMultiDict(
            {"Content-Type": "application/json", "X-Rate-Limit-Remaining": str(remaining)}
        )


class Session:
    """One token's Canvas, which answers by its bucket, or hangs."""

    def __init__(self, world: Assumptions, chance: Random, *, hangs: bool) -> None:
        self._world, self._chance, self._hangs = world, chance, hangs
        self._bucket = Bucket(MARK)
        if chance.random() < world.shared:
            for _ in range(OTHERS):
                self._bucket.reserve(0)

    @asynccontextmanager
    async def get(self, *_: Any, **__: Any) -> AsyncIterator[Response]:
        """Answer after as long as Canvas takes."""
        loop = asyncio.get_running_loop()
        if self._hangs:
            await asyncio.sleep(USUAL.read)
            raise TimeoutError
        if self._bucket.reserve(loop.time()):
            seconds, status, cost = self._seconds(), 200, COST
        else:
            seconds, status, cost = 0.02, 429, 0.0
        await asyncio.sleep(seconds)
        self._bucket.settle(cost, loop.time())
        yield Response(status, self._bucket.remaining)

    def _seconds(self) -> float:
        median = self._world.latency
        return min(USUAL.read, median * self._chance.lognormvariate(0, self._world.spread))


async def incremental(asking: Asking, changed: int) -> None:
    """Three lists at once, then what they show to be changed."""
    await _all(asking, FEEDS)
    await _all(asking, changed)


async def full(asking: Asking, courses: int) -> None:
    """The courses, then each."""
    await _all(asking, 1)
    await _all(asking, courses)


async def _all(asking: Asking, many: int) -> None:
    await asyncio.gather(*[asking.get(asking.origin) for _ in range(many)])


Reads = Callable[[Asking, int], Awaitable[None]]


def try_out(reads: Reads, many: int, world: Assumptions, chance: Random) -> list[Taken]:
    """So many runs of a kind, each at a Canvas of its own."""
    return [
        lived(_timed(reads, many, Session(world, chance, hangs=False)))
        for _ in range(world.samples)
    ]


def try_hanging(world: Assumptions, chance: Random, *, in_doubt: bool) -> list[Taken]:
    """Runs at a Canvas that does not answer, and that is perhaps known for it."""
    hanging = Session(world, chance, hangs=True)
    return [
        lived(_timed(incremental, 0, hanging, in_doubt=in_doubt))
        for _ in range(max(10, world.samples // 10))
    ]


async def _timed(reads: Reads, many: int, session: Session, *, in_doubt: bool = False) -> Taken:
    asking = Asking(
        cast("ClientSession", session),
        ORIGIN,
        "token",
        throttle=Throttle(USUAL.in_flight),
        limits=USUAL,
        seconds=USUAL.run,
        in_doubt=in_doubt,
    )
    task = asyncio.ensure_future(reads(asking, many))
    try:
        await task
    except CanvasFailure:
        pass
    finally:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for other in others:
            cast("asyncio.Task[None]", other).cancel()
        await asyncio.gather(*others, return_exceptions=True)
    return Taken(asyncio.get_running_loop().time(), asking.requests["total"])
