"""Synchronising one large student: canvasapi, a plain gather and ours, against one sandbox.

`python -m tests.benchmarks.sync_large_student`: 40 courses of 120 assignments, 80 ± 20 ms a
request, Canvas's leaky bucket on; the sandbox has a process of its own.
"""

import asyncio
import time
import warnings
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, NamedTuple

import aiohttp
from canvasapi import Canvas

from infrastructure.canvas.client import CanvasClient
from infrastructure.canvas_sandbox import SandboxOptions
from tests.benchmarks.target import Target, sandbox
from tests.benchmarks.whole_service import synchronise

LARGE = SandboxOptions(courses=40, assignments=120, latency_ms=80, restricted=False)
SMALL = SandboxOptions(courses=10, assignments=40, latency_ms=80, restricted=False)
READ_BY_CANVASAPI = {40: 4, 10: 2}
PAUSE = 0.5


class Read(NamedTuple):
    """What a contender saw, and the seconds it took to list the courses."""

    courses: int
    assignments: int
    listing: float = 0.0


class Measured(NamedTuple):
    """One contender's run; `seconds` and `requests` are for the whole student."""

    name: str
    seconds: float
    cpu: float
    requests: int
    refused: int
    remark: str = ""


class Contender(NamedTuple):
    """One way to read the student."""

    name: str
    read: Callable[[Target], Coroutine[Any, Any, Read]]
    runs: int = 3


async def canvasapi_in_order(target: Target) -> Read:
    """Read some courses one after the other, assignments with their submissions."""
    courses = READ_BY_CANVASAPI[target.options.courses]

    def read() -> Read:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            canvas = Canvas(target.url, target.token)
        began = time.perf_counter()
        listed = list(canvas.get_courses(enrollment_state="active", include=["total_scores"]))
        listing = time.perf_counter() - began
        rows = (course.get_assignments(include=["submission"]) for course in listed[:courses])
        return Read(courses, sum(len(list(assignments)) for assignments in rows), listing)

    return await asyncio.to_thread(read)


async def plain_gather(target: Target) -> Read:
    """Everything at once, 100 a page, backing off when refused: what one writes in an hour."""
    chance = Random(1)
    base = f"{target.url}/api/v1/courses"
    headers = {"Authorization": f"Bearer {target.token}"}

    async def pages(session: aiohttp.ClientSession, url: str) -> list[Any]:
        rows: list[Any] = []
        following: str | None = f"{url}&per_page=100"
        pause = PAUSE
        while following:
            async with session.get(following) as answer:
                if answer.status in (403, 429):
                    await asyncio.sleep(pause * chance.uniform(0.5, 1))
                    pause *= 2
                    continue
                rows += await answer.json()
                link = answer.links.get("next")
                following = str(link["url"]) if link else None
        return rows

    async with aiohttp.ClientSession(headers=headers) as session:
        listed = await pages(session, f"{base}?enrollment_state=active&include[]=total_scores")
        below = [f"{base}/{course['id']}" for course in listed]
        lists = [
            f"{url}/{what}?" for what in ("assignments", "students/submissions") for url in below
        ]
        found = await asyncio.gather(*(pages(session, url) for url in lists))
    return Read(len(listed), sum(len(rows) for rows in found[: len(below)]))


async def ours(target: Target) -> Read:
    """Our client alone: what a run reads, nothing recorded."""
    private = [target.url.removeprefix("http://")]
    async with CanvasClient(allow_private=private) as client:
        origin = client.origin(target.url)
        async with client.account(origin, target.token) as account:
            courses = await account.courses()
            seen = [sighting async for sighting in account.sightings(courses)]
    return Read(len(courses), sum(len(sighting.assignments or ()) for sighting in seen))


CONTENDERS = (
    Contender("ours, client alone", ours, runs=5),
    Contender("plain gather, 100 a page, back-off", plain_gather),
    Contender("canvasapi, one after the other", canvasapi_in_order, runs=1),
)


def measure_whole(target: Target, runs: int = 3) -> list[Measured]:
    """Median of whole runs of the service: recorded, readable, and once more unchanged."""
    target.pull("counters")
    first, unchanged = synchronise(target.url, target.token, runs)
    one, again = sorted(first)[runs // 2], sorted(unchanged)[runs // 2]
    remark = f"readable after {one.readable:.2f} s; longest chain {_chain(target.options):.2f} s"
    return [
        Measured("ours, whole service, first sync", one.recorded, one.cpu, one.requests, 0, remark),
        Measured("ours, whole service, unchanged", again.recorded, again.cpu, again.requests, 0),
    ]


def _chain(options: SandboxOptions) -> float:
    """Seconds of latency alone: the list, then the courses eight at a time."""
    return (1 + -(-options.courses // 8)) * options.latency_ms / 1000


def measure(contender: Contender, target: Target) -> Measured:
    """The median of the runs, after one that warms the sandbox where there are several."""
    if contender.runs > 1:
        asyncio.run(contender.read(target))
    runs = sorted(_run(contender, target) for _ in range(contender.runs))
    return runs[len(runs) // 2][1]


def _run(contender: Contender, target: Target) -> tuple[float, Measured]:
    target.pull("forget_requests")
    began, busy = time.perf_counter(), time.process_time()
    read = asyncio.run(contender.read(target))
    seconds, cpu = time.perf_counter() - began, time.process_time() - busy
    if read.assignments != read.courses * target.options.assignments:
        raise AssertionError(f"{contender.name} missed assignments: {read}")
    counters = target.pull("counters")
    share = target.options.courses / read.courses
    measured = Measured(
        contender.name,
        read.listing + (seconds - read.listing) * share,
        cpu * share,
        round(1 + (counters["requests"] - 1) * share),
        counters["refused"],
        "" if share == 1 else f"extrapolated from {read.courses} courses",
    )
    return measured.seconds, measured


def main(*, quick: bool = False) -> list[Measured]:
    """Run every contender against one sandbox, print the table, and give it back."""
    options = SMALL if quick else LARGE
    with sandbox(options) as target:
        found = [*measure_whole(target), *(measure(contender, target) for contender in CONTENDERS)]
    print(
        f"\nOne student, {options.courses} courses x {options.assignments} assignments, "
        f"{options.latency_ms:g} ms a request"
    )
    print(f"{'':36}{'seconds':>9}{'x first':>8}{'CPU s':>7}{'requests':>10}{'refused':>9}")
    for one in found:
        ratio = one.seconds / found[0].seconds
        print(
            f"{one.name:36}{one.seconds:9.2f}{ratio:8.1f}{one.cpu:7.2f}"
            f"{one.requests:10}{one.refused:9}  {one.remark}"
        )
    return found


if __name__ == "__main__":
    main()
