"""Send twice the load that the service can carry: refusals, latency, memory and recovery."""

import asyncio
import http.client
import json
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import psutil

from tests.benchmarks.overload_client import (
    ConnectedPerson,
    Load,
    RawConnection,
    send_random_request,
)
from tests.benchmarks.report import Figure, Goal, Report, RunSize, Table, number
from tests.dev_tokens import SECRET, token_of
from tests.interfaces.cli.run_cli import running_easeboard, wait_for_log

PERSON_COUNT, CONNECTION_COUNT = 60, 400
CAPACITY_CONCURRENCY = 32
"""Requests in flight while capacity is measured: as many as the service processes at a time."""
PROBE_INTERVAL_SECONDS = 0.05
MAX_RECOVERY_SECONDS = 5.0


class ServerSamples(NamedTuple):
    """Samples of a server: response times of `/health/live`, and its resident memory."""

    milliseconds: list[float]
    megabytes: list[float]


def sample_server(url: str, process_id: int, stop: Event, results: Any) -> None:
    """Sample the server until `stop` is set; to be called in a process that does nothing else."""
    address, server = urlsplit(url), psutil.Process(process_id)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)
    samples = ServerSamples([], [])
    while not stop.wait(PROBE_INTERVAL_SECONDS):
        started_at = time.perf_counter()
        connection.request("GET", "/health/live")
        response = connection.getresponse()
        response.read()
        if response.status != http.HTTPStatus.OK:
            raise AssertionError(f"/health/live returned status {response.status}")
        samples.milliseconds.append((time.perf_counter() - started_at) * 1000)
        samples.megabytes.append(server.memory_info().rss / 1e6)
    results.put(samples)


@contextmanager
def running_sampler(url: str, process_id: int) -> Iterator[list[ServerSamples]]:
    """Sample the server while the block runs; the list has the samples after the block."""
    context = multiprocessing.get_context("spawn")
    stop, results, samples = context.Event(), context.Queue(), list[ServerSamples]()
    process = context.Process(target=sample_server, args=(url, process_id, stop, results))
    process.start()
    try:
        yield samples
    finally:
        stop.set()
        samples.append(results.get(timeout=30))
        process.join()


async def measure_capacity(url: str, people: list[ConnectedPerson], seconds: float) -> float:
    """Measure the requests a second that are answered with CAPACITY_CONCURRENCY in flight."""
    load = Load(people)
    ends_at = time.perf_counter() + seconds

    async def send_requests() -> None:
        async with RawConnection(url) as connection:
            while time.perf_counter() < ends_at:
                await send_random_request(connection, load)

    await asyncio.gather(*(send_requests() for _ in range(CAPACITY_CONCURRENCY)))
    return sum(load.statuses.values()) / seconds


async def send_at_rate(
    url: str, people: list[ConnectedPerson], rate: float, seconds: float
) -> Load:
    """Send requests at a fixed rate, even if earlier ones are not answered yet."""
    load = Load(people)
    idle: asyncio.LifoQueue[RawConnection] = asyncio.LifoQueue()
    for _ in range(CONNECTION_COUNT):
        idle.put_nowait(await RawConnection(url).__aenter__())

    async def send_request(connection: RawConnection) -> None:
        await send_random_request(connection, load)
        idle.put_nowait(connection)

    started_at, sent = time.perf_counter(), 0
    async with asyncio.TaskGroup() as group:
        while (passed := time.perf_counter() - started_at) < seconds:
            for _ in range(int(passed * rate) - sent):
                sent += 1
                if idle.empty():
                    load.unsent += 1  # all connections of this client are in use
                else:
                    group.create_task(send_request(idle.get_nowait()))
            await asyncio.sleep(0.002)
    while not idle.empty():
        await idle.get_nowait().__aexit__()
    return load


async def measure_recovery(url: str, people: list[ConnectedPerson], usual_seconds: float) -> float:
    """Measure the seconds until ten reads in a row are answered about as fast as before."""
    started_at, fast_reads = time.perf_counter(), 0
    async with RawConnection(url) as connection:
        while fast_reads < 10:  # one fast read may be chance
            requested_at = time.perf_counter()
            status = await connection.request_status(
                "GET", "/api/v1/canvas/courses", people[0].token
            )
            is_fast = time.perf_counter() - requested_at < max(0.05, 3 * usual_seconds)
            fast_reads = fast_reads + 1 if is_fast and status == http.HTTPStatus.OK else 0
    return time.perf_counter() - started_at


async def measure_idle_read(url: str, people: list[ConnectedPerson]) -> float:
    """Measure the median seconds of a read without other load."""
    async with RawConnection(url) as connection:
        durations = []
        for _ in range(50):
            requested_at = time.perf_counter()
            await connection.request_status("GET", "/api/v1/canvas/courses", people[0].token)
            durations.append(time.perf_counter() - requested_at)
    return median(durations)


async def connect_people(url: str, canvas: str, tokens: list[str]) -> list[ConnectedPerson]:
    """Connect one person for each Canvas token."""
    people = []
    async with RawConnection(url) as connection:
        for number, canvas_token in enumerate(tokens, start=1):
            token = token_of(UUID(int=number), ttl=86400)
            body = {"canvas_url": canvas, "canvas_name": "Sandbox", "api_token": canvas_token}
            response = await connection.request(
                "POST", "/api/v1/canvas/setup", token, json.dumps(body)
            )
            people.append(ConnectedPerson(token, json.loads(response.body)["connection"]["id"]))
    return people


class OverloadResult(NamedTuple):
    """What was measured while twice the capacity was sent."""

    capacity: float
    load: Load
    samples: ServerSamples
    usual_seconds: float
    recovery_seconds: float


async def measure(
    url: str, people: list[ConnectedPerson], server: int, seconds: float
) -> OverloadResult:
    """Measure the capacity, send twice of it, and measure the recovery.

    Raises: AssertionError if the server failed a request without refusing it.
    """
    await asyncio.sleep(5)  # the first runs of all connections
    usual_seconds = await measure_idle_read(url, people)
    capacity = await measure_capacity(url, people, min(10.0, seconds))
    with running_sampler(url, server) as samples:
        load = await send_at_rate(url, people, 2 * capacity, seconds)
    recovery_seconds = await measure_recovery(url, people, usual_seconds)
    load.raise_on_faults()
    return OverloadResult(capacity, load, samples[0], usual_seconds, recovery_seconds)


def _report(result: OverloadResult, seconds: float) -> Report:
    load, samples = result.load, result.samples
    answered = sum(count for status, count in load.statuses.items() if status < 500) / seconds
    p50, p95, p99 = (quantiles(samples.milliseconds, n=100)[nth] for nth in (49, 94, 98))
    quarter = len(samples.megabytes) // 4
    early, late = samples.megabytes[quarter : 2 * quarter], samples.megabytes[-quarter:]
    refused = median(load.refusal_seconds or [0.0]) * 1000
    values = {
        "capacity, requests/s": result.capacity,
        "sent, requests/s": 2 * result.capacity,
        "answered, requests/s": answered,
        "not sent: all connections in use": load.unsent,
        "a refusal takes, ms (median)": refused,
        "/health/live p50, ms": p50,
        "/health/live p95, ms": p95,
        "/health/live p99, ms": p99,
        "a read without load, ms": result.usual_seconds * 1000,
        "memory in the second quarter, MB": median(early),
        "memory in the last quarter, MB": median(late),
    }
    rows = [[name, number(value)] for name, value in values.items()]
    counts = ", ".join(f"{status}: {count:,}" for status, count in sorted(load.statuses.items()))
    goal = Goal(MAX_RECOVERY_SECONDS, at_most=True)
    return Report(
        [Figure("overload: fast again after", result.recovery_seconds, "s", goal)],
        [Table(f"Twice the capacity for {seconds:g} s", ["", "measured"], rows)],
        [f"Statuses of the responses: {counts}."],
    )


def measure_all(size: RunSize) -> Report:
    """Run the service and a sandbox as separate processes, and put load on the service."""
    seconds = size.choose(20, 5)
    home = Path(tempfile.mkdtemp(prefix="easeboard-overload-"))
    try:
        arguments = f"--port 0 --students {PERSON_COUNT} --courses 4 --assignments 5".split()
        with running_easeboard(home, "sandbox", *arguments, log=home / "sandbox.log") as sandbox:
            lines = [
                json.loads(str(sandbox.stdout and sandbox.stdout.readline()))
                for _ in range(PERSON_COUNT)
            ]
            canvas, tokens = lines[0]["canvas_url"], [line["token"] for line in lines]
            variables = {
                "CANVAS_ALLOW_PRIVATE": canvas.removeprefix("http://"),
                "SUPABASE_JWT_SECRET": SECRET,
            }
            log = home / "server.log"
            with running_easeboard(home, "serve", "--port", "0", log=log, **variables) as process:
                url = wait_for_log(log, "serving")["url"]
                result = asyncio.run(
                    _connect_and_measure(url, canvas, tokens, process.pid, seconds)
                )
    finally:
        shutil.rmtree(home)
    return _report(result, seconds)


async def _connect_and_measure(
    url: str, canvas: str, tokens: list[str], server: int, seconds: float
) -> OverloadResult:
    return await measure(url, await connect_people(url, canvas, tokens), server, seconds)
