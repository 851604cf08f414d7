"""Sync ordinary students: the whole service, and a floor that only fetches and parses.

Each student has 6 courses of 40 assignments; a request takes 20 ms. This process is the service:
queue, runs, event log, encryption and all read models, on uvloop as `serve` is. The sandbox,
PostgreSQL and the floor (aiohttp and orjson, on uvloop too) have processes of their own. Slices of
few students alternate: the service, then the floor with exactly the same requests.
`queueing` is what the request for a run costs, with its projection, before the run. CPU of the
service contains everything that its process does meanwhile: all threads, watchers and polls.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from multiprocessing import get_context
from statistics import median
from time import perf_counter, process_time
from typing import NamedTuple
from uuid import UUID, uuid4

import uvloop

from application.request_sync import RequestSync
from application.run_sync import RunSync
from application.set_up_connection import SetUpConnection
from infrastructure.canvas_sandbox import SandboxOptions
from infrastructure.event_store.history import read_last_position
from infrastructure.queue.worker import SyncWorker
from interfaces.composition.process import Process
from projections.registry import READ_MODELS
from tests.benchmarks.cpu_clocks import ServerCpu
from tests.benchmarks.fetch_and_parse import (
    NOT_MODIFIED,
    StudentRequest,
    StudentRequests,
    fetch_and_parse,
    for_each,
)
from tests.benchmarks.report import Figure, Goal, Report, RunSize, Table, number
from tests.benchmarks.rounds import Costs, Slice
from tests.benchmarks.sandbox_process import SandboxTarget, running_sandbox_process
from tests.benchmarks.whole_service import running_service

ORDINARY = SandboxOptions(students=96, courses=6, assignments=40, latency_ms=20)
FEW_STUDENTS = SandboxOptions(students=12, courses=6, assignments=40, latency_ms=20)
STUDENTS_PER_SLICE = 24
CONCURRENT_SYNCS = 24
CONCURRENT_COMMANDS = 4

FIRST, FULL, INCREMENTAL = "first run", "unchanged, full", "unchanged, incremental"
MODES = {FIRST: "full", FULL: "full", INCREMENTAL: "incremental"}


class Comparison(NamedTuple):
    """Slices of the same students: the queueing, the runs, and the floor."""

    queueing: Slice
    service: Slice
    floor: Slice
    requests: float
    """Requests to Canvas of one student."""


class Students:
    """Some students of the sandbox, connected to the service."""

    def __init__(
        self,
        process: Process,
        target: SandboxTarget,
        server: ServerCpu,
        floor_pool: ProcessPoolExecutor,
        tokens: list[str] | None = None,
    ) -> None:
        self._process = process
        self._target = target
        self._server = server
        self._floor_pool = floor_pool
        self._tokens = tokens or target.tokens
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
        await for_each(self._tokens, connect, concurrency=CONCURRENT_COMMANDS)
        await self._wait_for_projections()

    async def request_syncs(self, mode: str) -> None:
        """Request a run of each connection."""

        async def request_sync(person: UUID) -> None:
            connection = self._connections[person]
            request = RequestSync(person_id=person, connection_id=connection, mode=mode)
            await self._process.service.request_sync(request)

        await for_each(self._connections, request_sync, concurrency=CONCURRENT_COMMANDS)
        await self._wait_for_projections()

    async def compare(self, queue: Callable[[], Awaitable[object]], mode: str) -> Comparison:
        """Measure the queueing, then the runs, then the same requests alone."""
        queueing = await self._measure(queue)
        self._target.control("forget_requests")
        service = await self._measure(self.execute_runs)
        await self._check_all_completed(mode)
        students = self._recorded_requests()
        cost = await asyncio.wrap_future(
            self._floor_pool.submit(fetch_and_parse, students, CONCURRENT_SYNCS)
        )
        count = len(students)
        requests = sum(len(student.requests) for student in students) / count
        return Comparison(queueing, service, Slice(count, cost.wall, cost.cpu), requests)

    async def _measure(self, run: Callable[[], Awaitable[object]]) -> Slice:
        database, wall, cpu = self._server.cpu_seconds(), perf_counter(), process_time()
        await run()
        wall, cpu = perf_counter() - wall, process_time() - cpu
        return Slice(len(self._tokens), wall, cpu, self._server.cpu_seconds() - database)

    async def execute_runs(self) -> None:
        """Execute the queued runs, and wait until all read models have them."""
        async with self._running_worker() as done:
            await done.wait()
            await self._wait_for_projections()

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
        students: dict[int, StudentRequests] = {}
        for entry in self._target.control("requests"):
            number_ = entry["student"]
            student = students.setdefault(
                number_, StudentRequests(self._target.tokens[number_], [])
            )
            url = f"{self._target.url}{entry['path']}?{entry['query']}"
            is_cached = entry["status"] == NOT_MODIFIED
            student.requests.append(StudentRequest(url, is_cached=is_cached))
        return list(students.values())


async def postgres_cpu(process: Process) -> ServerCpu:
    """Return the CPU time of the PostgreSQL server of this service."""
    async with process.pools.read_pool.connection() as connection:
        return ServerCpu(connection.info.backend_pid)


async def _measure_rounds(
    target: SandboxTarget, floor_pool: ProcessPoolExecutor, rounds: int
) -> dict[str, list[Comparison]]:
    results: dict[str, list[Comparison]] = {FIRST: [], FULL: [], INCREMENTAL: []}
    async with running_service(target.url) as process:
        server = await postgres_cpu(process)
        for nth in range(rounds + 1):
            for start in range(0, len(target.tokens), STUDENTS_PER_SLICE):
                tokens = target.tokens[start : start + STUDENTS_PER_SLICE]
                students = Students(process, target, server, floor_pool, tokens)
                measured = await _measure_slice(students)
                for name, comparison in measured.items():
                    if nth:
                        results[name].append(comparison)
                if not nth:
                    break  # one slice warms the caches of both
    return results


async def _measure_slice(students: Students) -> dict[str, Comparison]:
    first = await students.compare(students.connect, "full")
    full = await students.compare(lambda: students.request_syncs("full"), "full")
    # The first incremental run gets the validator of the planner; only later ones use it.
    await students.request_syncs("auto")
    await students.execute_runs()
    incremental = await students.compare(lambda: students.request_syncs("auto"), "incremental")
    return {FIRST: first, FULL: full, INCREMENTAL: incremental}


def measure_all(size: RunSize) -> Report:
    """Measure first, full and incremental runs of all students in slices."""
    options = FEW_STUDENTS if size.quick else ORDINARY
    with (
        running_sandbox_process(options) as target,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as floor_pool,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        results = runner.run(_measure_rounds(target, floor_pool, size.choose(3, 1)))
    return _report(results)


def _report(results: dict[str, list[Comparison]]) -> Report:
    report = Report()
    rows = []
    for name, comparisons in results.items():
        slices = {
            name: Costs([each.service for each in comparisons]),
            "  queueing": Costs([each.queueing for each in comparisons]),
            "  floor: aiohttp, orjson": Costs([each.floor for each in comparisons]),
        }
        requests = median(each.requests for each in comparisons)
        for title, costs in slices.items():
            cells = [costs.cpu / 1e3, costs.database / 1e3, 1e6 / costs.cpu, costs.rate]
            rows.append([title, *map(number, cells), number(requests)])
    columns = ["", "CPU ms", "PostgreSQL ms", "runs/s and core", "runs/s by the clock", "requests"]
    report.tables.append(Table("A run of one student", columns, rows))
    report.figures += _figures(results)
    return report


def _figures(results: dict[str, list[Comparison]]) -> list[Figure]:
    """Ratios are medians of the ratios of the slices."""
    first, full, incremental = (
        Costs([each.service for each in results[name]]) for name in (FIRST, FULL, INCREMENTAL)
    )
    ratios = {
        name: median(each.floor.cpu / each.service.cpu for each in comparisons)
        for name, comparisons in results.items()
    }
    against_full = median(
        full_slice.floor.cpu / slice_.service.cpu
        for slice_, full_slice in zip(results[INCREMENTAL], results[FULL], strict=True)
    )
    return [
        Figure("first run: CPU of the service", first.cpu / 1e3, "ms", _at_most(15)),
        Figure("first run: CPU of PostgreSQL", first.database / 1e3, "ms", _at_most(8)),
        Figure("first run: floor ÷ service, CPU", ratios[FIRST], "×", Goal(0.3)),
        Figure("unchanged full run: CPU of the service", full.cpu / 1e3, "ms"),
        Figure("unchanged full run: floor ÷ service, CPU", ratios[FULL], "×", Goal(0.6)),
        Figure("incremental run: CPU of the service", incremental.cpu / 1e3, "ms", _at_most(4.5)),
        Figure("incremental run: floor of a full run ÷ service, CPU", against_full, "×", Goal(1.0)),
        Figure("incremental run: floor ÷ service, CPU", ratios[INCREMENTAL], "×"),
    ]


def _at_most(bound: float) -> Goal:
    return Goal(bound, at_most=True)
