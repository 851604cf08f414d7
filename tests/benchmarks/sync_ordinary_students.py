"""Sync many ordinary students: the whole service, and a reference that fetches the same bytes.

Each student has 6 courses of 40 assignments; a request takes 20 ms. This process is the service:
queue, runs, event log, encryption and all read models. The sandbox, PostgreSQL and the reference
have processes of their own. Many students are read at a time, so that the service seldom waits for
a response; "CPU share" shows how seldom. "Runs/s/core" is 1 divided by the CPU seconds of this
process, threads included, for one run. In wall-clock time all processes share the machine.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, suppress
from multiprocessing import get_context
from statistics import median
from time import perf_counter, process_time
from typing import NamedTuple
from uuid import UUID, uuid4

import psutil

from application.request_sync import RequestSync
from application.run_sync import RunSync
from application.set_up_connection import SetUpConnection
from infrastructure.canvas_sandbox import SandboxOptions
from infrastructure.event_store.history import read_last_position
from infrastructure.queue.worker import SyncWorker
from interfaces.composition.process import Process
from projections.registry import READ_MODELS
from tests.benchmarks.fetch_and_parse import (
    NOT_MODIFIED,
    StudentRequest,
    StudentRequests,
    fetch_and_parse,
    for_each,
)
from tests.benchmarks.sandbox_process import SandboxTarget, running_sandbox_process
from tests.benchmarks.whole_service import running_service

ORDINARY = SandboxOptions(students=60, courses=6, assignments=40, latency_ms=20)
FEW_STUDENTS = SandboxOptions(students=12, courses=6, assignments=40, latency_ms=20)
ROUNDS = 4
CONCURRENT_SYNCS = 24
CONCURRENT_COMMANDS = 4

FIRST, FULL, INCREMENTAL = "first run", "unchanged, full", "unchanged, incremental"


class StudentCost(NamedTuple):
    """Cost of one run: seconds of wall-clock time, CPU and PostgreSQL's CPU; Canvas requests."""

    wall: float
    cpu: float
    database: float
    requests: float


class Comparison(NamedTuple):
    """The cost of the service, and of the reference for exactly the same requests."""

    service: StudentCost
    reference: StudentCost


Results = dict[str, list[Comparison]]


class PostgresCpu:
    """The CPU time of all PostgreSQL processes, including those that have ended."""

    def __init__(self, backend: int) -> None:
        self._postmaster = psutil.Process(backend).parent() or psutil.Process(backend)

    def cpu_seconds(self) -> float:
        """The CPU seconds since the start of the server."""
        own = self._postmaster.cpu_times()
        total = own.user + own.system + own.children_user + own.children_system
        for child in self._postmaster.children():
            with suppress(psutil.NoSuchProcess):
                times = child.cpu_times()
                total += times.user + times.system
        return float(total)


class Students:
    """All students of the sandbox, connected to the service."""

    def __init__(
        self,
        process: Process,
        target: SandboxTarget,
        server: PostgresCpu,
        reference_pool: ProcessPoolExecutor,
    ) -> None:
        self._process = process
        self._target = target
        self._server = server
        self._reference_pool = reference_pool
        self._connections: dict[UUID, UUID] = {}

    async def connect(self) -> None:
        """Connect a new person with each token; this queues their first runs."""

        async def connect(token: str) -> None:
            person, url = uuid4(), self._target.url
            command = SetUpConnection(
                person_id=person, canvas_url=url, canvas_name="Ordinary", api_token=token
            )
            queued = await self._process.service.set_up_connection(command)
            self._connections[person] = queued.connection_id

        self._connections.clear()
        await for_each(self._target.tokens, connect, concurrency=CONCURRENT_COMMANDS)
        await self._wait_for_projections()

    async def request_syncs(self, mode: str) -> None:
        """Request a run of each connection."""

        async def request_sync(person: UUID) -> None:
            connection = self._connections[person]
            request = RequestSync(person_id=person, connection_id=connection, mode=mode)
            await self._process.service.request_sync(request)

        await for_each(self._connections, request_sync, concurrency=CONCURRENT_COMMANDS)
        await self._wait_for_projections()

    async def measure(self, mode: str) -> Comparison:
        """Measure the queued runs until all read models have them, then the same requests alone."""
        self._target.control("forget_requests")
        started_at, cpu_started_at, database_started_at = (
            perf_counter(),
            process_time(),
            self._server.cpu_seconds(),
        )
        async with self._running_worker() as done:
            await done.wait()
            await self._wait_for_projections()
            wall, cpu = perf_counter() - started_at, process_time() - cpu_started_at
        database = self._server.cpu_seconds() - database_started_at
        await self._check_all_completed(mode)
        students, student_count = self._recorded_requests(), len(self._connections)
        requests = sum(len(student.requests) for student in students) / student_count
        cost = await asyncio.wrap_future(
            self._reference_pool.submit(fetch_and_parse, students, CONCURRENT_SYNCS)
        )
        return Comparison(
            StudentCost(
                wall / student_count, cpu / student_count, database / student_count, requests
            ),
            StudentCost(cost.wall / student_count, cost.cpu / student_count, 0, requests),
        )

    @asynccontextmanager
    async def _running_worker(self) -> AsyncIterator[asyncio.Event]:
        """Run a worker as `serve` does; the event is set after one run of each connection."""
        remaining, done = set(self._connections.values()), asyncio.Event()

        async def run(command: RunSync) -> None:
            await self._process.service.run_sync(command)
            remaining.discard(command.connection_id)
            if not remaining:
                done.set()

        service = self._process.service
        worker = SyncWorker(
            self._process.queue, run, service.requeue_sync, concurrency=CONCURRENT_SYNCS
        )
        worker_task = asyncio.create_task(worker.run())
        try:
            yield done
        finally:
            worker_task.cancel()
            await asyncio.gather(worker_task, return_exceptions=True)

    async def _wait_for_projections(self) -> None:
        names = [model.name for model in READ_MODELS]
        await self._process.service.wait_for_place(
            await read_last_position(self._process.pools.read_pool), names, 60
        )

    async def _check_all_completed(self, mode: str) -> None:
        for connection in self._connections.values():
            run = await self._process.service.current_sync(connection)
            if run is None or (run["status"], run["mode"]) != ("completed", mode):
                raise AssertionError(f"The run is not a completed run of mode {mode}: {run}")

    def _recorded_requests(self) -> list[StudentRequests]:
        """The requests in the log of the sandbox, by student."""
        students = [StudentRequests(token, []) for token in self._target.tokens]
        for entry in self._target.control("requests"):
            url = f"{self._target.url}{entry['path']}?{entry['query']}"
            request = StudentRequest(url, is_cached=entry["status"] == NOT_MODIFIED)
            students[entry["student"]].requests.append(request)
        return students


async def _measure_rounds(
    target: SandboxTarget, reference_pool: ProcessPoolExecutor, rounds: int
) -> Results:
    results: Results = {FIRST: [], FULL: [], INCREMENTAL: []}
    async with running_service(target.url) as process:
        students = Students(process, target, await postgres_cpu(process), reference_pool)
        for _ in range(rounds):
            await students.connect()
            results[FIRST].append(await students.measure("full"))
            await students.request_syncs("full")
            results[FULL].append(await students.measure("full"))
            # The first incremental run gets the validator of the planner; only later ones use it.
            for _ in range(2):
                await students.request_syncs("auto")
                comparison = await students.measure("incremental")
            results[INCREMENTAL].append(comparison)
    return results


async def postgres_cpu(process: Process) -> PostgresCpu:
    """Return the CPU time of the PostgreSQL server of this service."""
    async with process.pools.read_pool.connection() as connection:
        return PostgresCpu(connection.info.backend_pid)


def _print_results(results: Results) -> None:
    print("CPU is that of the service, or of the reference, without PostgreSQL and the sandbox.")
    print(f"{'':28}{'runs/s/core':>13}{'ratio':>7}{'CPU ms':>8}{'PostgreSQL':>11}", end="")
    print(f"{'wall runs/s':>16}{'ratio':>7}{'CPU share':>11}{'requests':>10}")
    for name, comparisons in results.items():
        reference_costs = [comparison.reference for comparison in comparisons]
        _print_row(name, [comparison.service for comparison in comparisons], reference_costs)
        _print_row("  reference: aiohttp, orjson", reference_costs, reference_costs)
    ratios = [
        full_comparison.reference.cpu / comparison.service.cpu
        for comparison, full_comparison in _pairs(results)
    ]
    print(f"runs/s/core, {INCREMENTAL} to the reference of a full run: {median(ratios):.2f}")


def _pairs(results: Results) -> Iterator[tuple[Comparison, Comparison]]:
    return zip(results[INCREMENTAL], results[FULL], strict=True)


def _print_row(
    name: str, costs: Sequence[StudentCost], reference_costs: Sequence[StudentCost]
) -> None:
    wall, cpu, database, requests = (median(column) for column in zip(*costs, strict=True))
    pairs = list(zip(costs, reference_costs, strict=True))
    by_cpu = median(reference.cpu / cost.cpu for cost, reference in pairs)
    by_clock = median(reference.wall / cost.wall for cost, reference in pairs)
    share = median(cost.cpu / cost.wall for cost in costs)
    print(f"{name:28}{1 / cpu:13.1f}{by_cpu:7.2f}{cpu * 1e3:8.1f}{database * 1e3:11.1f}", end="")
    print(f"{1 / wall:16.1f}{by_clock:7.2f}{share:11.0%}{requests:10.1f}")


def main(*, quick: bool = False) -> Results:
    """Alternate between the service and the reference; print the medians and return all results."""
    options, rounds = (FEW_STUDENTS, 2) if quick else (ORDINARY, ROUNDS)
    with (
        running_sandbox_process(options) as target,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as reference_pool,
    ):
        results = asyncio.run(_measure_rounds(target, reference_pool, rounds))
    _print_results(results)
    return results


if __name__ == "__main__":
    main()
