"""Read one large student: easeboard, a plain asyncio.gather, and canvasapi, at one sandbox.

The student has 40 courses of 120 assignments; a request takes 80 ± 20 ms. The sandbox has a
process of its own, and refuses requests by Canvas's leaky bucket.
"""

import asyncio
import time
import warnings
from collections.abc import Callable, Coroutine
from random import Random
from statistics import median
from typing import Any, NamedTuple

import aiohttp
from canvasapi import Canvas

from infrastructure.canvas.client import CanvasClient
from infrastructure.canvas_sandbox import SandboxOptions
from tests.benchmarks.report import Figure, Goal, Report, RunSize, Table, number
from tests.benchmarks.sandbox_process import SandboxTarget, running_sandbox_process
from tests.benchmarks.whole_service import measure_syncs

LARGE = SandboxOptions(courses=40, assignments=120, latency_ms=80, restricted=False)
SMALL = SandboxOptions(courses=10, assignments=40, latency_ms=80, restricted=False)
COURSES_READ_BY_CANVASAPI = {40: 4, 10: 2}
FIRST_PAUSE_SECONDS = 0.5


class ReadResult(NamedTuple):
    """What a contender read, and the seconds for the course list alone."""

    courses: int
    assignments: int
    list_seconds: float = 0.0


class Measurement(NamedTuple):
    """A run of one contender; `seconds`, `cpu` and `requests` are for the whole student."""

    name: str
    seconds: float
    cpu: float
    requests: int
    refused: int
    note: str = ""
    readable: float = 0.0
    """Seconds until all read models have the run; 0 for a client alone."""


class Contender(NamedTuple):
    """A way to read the student, and how often it is measured."""

    name: str
    read: Callable[[SandboxTarget], Coroutine[Any, Any, ReadResult]]
    runs: int = 3


async def read_with_canvasapi(target: SandboxTarget) -> ReadResult:
    """Read some courses one after another, assignments with their submissions."""
    courses = COURSES_READ_BY_CANVASAPI[target.options.courses]

    def read() -> ReadResult:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            canvas = Canvas(target.url, target.token)
        started_at = time.perf_counter()
        listed = list(canvas.get_courses(enrollment_state="active", include=["total_scores"]))
        list_seconds = time.perf_counter() - started_at
        rows = (course.get_assignments(include=["submission"]) for course in listed[:courses])
        return ReadResult(
            courses, sum(len(list(assignments)) for assignments in rows), list_seconds
        )

    return await asyncio.to_thread(read)


async def read_with_gather(target: SandboxTarget) -> ReadResult:
    """Read all in parallel, 100 items a page, with back-off: a simple hand-written client."""
    rng = Random(1)
    base = f"{target.url}/api/v1/courses"
    headers = {"Authorization": f"Bearer {target.token}"}

    async def pages(session: aiohttp.ClientSession, url: str) -> list[Any]:
        rows: list[Any] = []
        next_url: str | None = f"{url}&per_page=100"
        pause = FIRST_PAUSE_SECONDS
        while next_url:
            async with session.get(next_url) as response:
                if response.status in (403, 429):
                    await asyncio.sleep(pause * rng.uniform(0.5, 1))
                    pause *= 2
                    continue
                rows += await response.json()
                link = response.links.get("next")
                next_url = str(link["url"]) if link else None
        return rows

    async with aiohttp.ClientSession(headers=headers) as session:
        listed = await pages(session, f"{base}?enrollment_state=active&include[]=total_scores")
        course_urls = [f"{base}/{course['id']}" for course in listed]
        lists = [
            f"{url}/{path}?"
            for path in ("assignments", "students/submissions")
            for url in course_urls
        ]
        pages_of_rows = await asyncio.gather(*(pages(session, url) for url in lists))
    return ReadResult(len(listed), sum(len(rows) for rows in pages_of_rows[: len(course_urls)]))


async def read_with_easeboard_client(target: SandboxTarget) -> ReadResult:
    """Read what a full run reads, with the Canvas client alone; nothing is recorded."""
    private = [target.url.removeprefix("http://")]
    async with CanvasClient(allow_private=private) as client:
        origin = client.allowed_origin(target.url)
        async with client.open_account(origin, target.token) as account:
            courses = (await account.list_courses()).courses
            fetched = [
                fetched_course async for fetched_course in account.fetch_courses(courses, {})
            ]
    return ReadResult(
        len(courses), sum(len(fetched_course.assignments or ()) for fetched_course in fetched)
    )


CONTENDERS = (
    Contender("easeboard, client alone", read_with_easeboard_client, runs=5),
    Contender("plain gather, 100 a page, back-off", read_with_gather),
    Contender("canvasapi, one course after another", read_with_canvasapi, runs=1),
)


def measure_service(target: SandboxTarget, runs: int = 5) -> list[Measurement]:
    """Measure first runs and unchanged full runs of the whole service, and return the medians."""
    first, unchanged = measure_syncs(target.url, target.token, runs)
    names = ("easeboard, whole service, first run", "easeboard, whole service, unchanged")
    return [
        Measurement(
            name,
            median(each.recorded for each in times),
            median(each.cpu for each in times),
            times[-1].requests,
            0,
            readable=median(each.readable for each in times),
        )
        for name, times in zip(names, (first, unchanged), strict=True)
    ]


def _min_latency_seconds(options: SandboxOptions) -> float:
    """Seconds of latency alone: the course list, then the courses, eight at a time."""
    return (1 + -(-options.courses // 8)) * options.latency_ms / 1000


def measure(contender: Contender, target: SandboxTarget) -> Measurement:
    """Return the median of the runs; before several, one more fills the sandbox's caches."""
    if contender.runs > 1:
        asyncio.run(contender.read(target))
    runs = sorted(_run(contender, target) for _ in range(contender.runs))
    return runs[len(runs) // 2][1]


def _run(contender: Contender, target: SandboxTarget) -> tuple[float, Measurement]:
    target.control("forget_requests")
    started_at, cpu_started_at = time.perf_counter(), time.process_time()
    result = asyncio.run(contender.read(target))
    seconds, cpu = time.perf_counter() - started_at, time.process_time() - cpu_started_at
    if result.assignments != result.courses * target.options.assignments:
        raise AssertionError(f"{contender.name} did not read all assignments: {result}")
    counters = target.control("counters")
    factor = target.options.courses / result.courses
    measured = Measurement(
        contender.name,
        result.list_seconds + (seconds - result.list_seconds) * factor,
        cpu * factor,
        round(1 + (counters["requests"] - 1) * factor),
        counters["refused"],
        "" if factor == 1 else f"extrapolated from {result.courses} courses",
    )
    return measured.seconds, measured


def measure_all(size: RunSize) -> Report:
    """Run every contender at one sandbox."""
    options = SMALL if size.quick else LARGE
    with running_sandbox_process(options) as target:
        measurements = [
            *measure_service(target, size.choose(5, 2)),
            *(measure(contender, target) for contender in CONTENDERS),
        ]
    return _report(options, measurements)


def _report(options: SandboxOptions, measurements: list[Measurement]) -> Report:
    critical_path = _min_latency_seconds(options)
    rows = [
        [
            each.name,
            number(each.seconds),
            number(each.seconds / critical_path),
            number(each.readable) if each.readable else "–",
            number(each.cpu),
            f"{each.requests}",
            f"{each.refused}",
            each.note or "–",
        ]
        for each in measurements
    ]
    caption = (
        f"{options.courses} courses × {options.assignments} assignments, "
        f"{options.latency_ms:g} ms a request; latency alone {critical_path:.2f} s"
    )
    columns = ["", "seconds", "× latency alone", "readable after s", "CPU s", "requests"]
    [first, unchanged, *_] = measurements
    delay = first.readable - first.seconds
    figures = [
        Figure(
            "large student, first run: recorded ÷ critical path",
            first.seconds / critical_path,
            "×",
            Goal(1.25, at_most=True),
        ),
        Figure("large student: readable after recorded", delay, "s", Goal(0.2, at_most=True)),
        Figure("large student, first run: CPU", first.cpu, "s"),
        Figure("large student, unchanged full run: CPU", unchanged.cpu, "s"),
    ]
    return Report(figures, [Table(caption, [*columns, "refused", "note"], rows)])
