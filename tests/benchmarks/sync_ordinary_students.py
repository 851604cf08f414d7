"""Synchronising many ordinary students, latency hidden: beside fetching and parsing the same bytes.

`python -m tests.benchmarks.ordinary_students`: 6 courses of 40 assignments each, 20 ms a request.
The sandbox, PostgreSQL and the floor have processes of their own; this one is the service: queue,
runs, log, sealing and all read models. So many students are read at a time that it seldom waits for
an answer: its CPU share says how seldom. Syncs a second and core are one over the seconds of CPU,
threads included, that this process spends on one; by the clock all of them share the machine.
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
from tests.benchmarks.target import SandboxTarget, running_sandbox_process
from tests.benchmarks.whole_service import running_service

ORDINARY = SandboxOptions(students=60, courses=6, assignments=40, latency_ms=20)
FEW_STUDENTS = SandboxOptions(students=12, courses=6, assignments=40, latency_ms=20)
ROUNDS = 4
CONCURRENT_SYNCS = 24
"""Students read at the same time."""
CONCURRENT_COMMANDS = 4

FIRST, FULL, INCREMENTAL = "first sync", "unchanged, full", "unchanged, incremental"


class StudentCost(NamedTuple):
    """Seconds a student, of the clock, of CPU and of PostgreSQL's CPU; and requests a student."""

    wall: float
    cpu: float
    database: float
    requests: float


class Comparison(NamedTuple):
    """What the service spent, and what the floor did on exactly the same requests."""

    ours: StudentCost
    floor: StudentCost


Results = dict[str, list[Comparison]]


class PostgresCpu:
    """The CPU of PostgreSQL's processes, those included that have ended."""

    def __init__(self, backend: int) -> None:
        self._postmaster = psutil.Process(backend).parent() or psutil.Process(backend)

    def cpu_seconds(self) -> float:
        """How much of it there has been so far."""
        own = self._postmaster.cpu_times()
        total = own.user + own.system + own.children_user + own.children_system
        for child in self._postmaster.children():
            with suppress(psutil.NoSuchProcess):
                times = child.cpu_times()
                total += times.user + times.system
        return float(total)


class Students:
    """Everybody at the sandbox, connected to the service."""

    def __init__(
        self,
        process: Process,
        target: SandboxTarget,
        server: PostgresCpu,
        floor: ProcessPoolExecutor,
    ) -> None:
        self._process = process
        self._target = target
        self._server = server
        self._floor = floor
        self._connections: dict[UUID, UUID] = {}

    async def connect(self) -> None:
        """Let a new person connect with each token; their first runs are queued."""

        async def connect(token: str) -> None:
            person, url = uuid4(), self._target.url
            command = SetUpConnection(
                person_id=person, canvas_url=url, canvas_name="Ordinary", api_token=token
            )
            self._connections[person] = await self._process.service.set_up_connection(command)

        self._connections.clear()
        await for_each(self._target.tokens, connect, concurrency=CONCURRENT_COMMANDS)
        await self._wait_for_projections()

    async def request_syncs(self, mode: str) -> None:
        """Queue a run of each."""

        async def request_sync(person: UUID) -> None:
            connection = self._connections[person]
            request = RequestSync(person_id=person, connection_id=connection, mode=mode)
            await self._process.service.request_sync(request)

        await for_each(self._connections, request_sync, concurrency=CONCURRENT_COMMANDS)
        await self._wait_for_projections()

    async def measure(self, mode: str) -> Comparison:
        """Let a worker empty the queue until all can be read, then the floor ask the same."""
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
            self._floor.submit(fetch_and_parse, students, CONCURRENT_SYNCS)
        )
        return Comparison(
            StudentCost(
                wall / student_count, cpu / student_count, database / student_count, requests
            ),
            StudentCost(cost.wall / student_count, cost.cpu / student_count, 0, requests),
        )

    @asynccontextmanager
    async def _running_worker(self) -> AsyncIterator[asyncio.Event]:
        """A worker as `serve` runs it; the event says that it has had a run of everybody."""
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
        await self._process.service.wait_for_position(
            await read_last_position(self._process.pools.read_pool), names, 60
        )

    async def _check_all_completed(self, mode: str) -> None:
        for connection in self._connections.values():
            run = await self._process.service.current_sync(connection)
            if run is None or (run["status"], run["mode"]) != ("completed", mode):
                raise AssertionError(f"This is no completed run of mode {mode}: {run}")

    def _recorded_requests(self) -> list[StudentRequests]:
        """What the sandbox was just asked, student by student."""
        students = [StudentRequests(token, []) for token in self._target.tokens]
        for entry in self._target.control("requests"):
            url = f"{self._target.url}{entry['path']}?{entry['query']}"
            request = StudentRequest(url, is_cached=entry["status"] == NOT_MODIFIED)
            students[entry["student"]].requests.append(request)
        return students


async def _measure_rounds(
    target: SandboxTarget, floor: ProcessPoolExecutor, rounds: int
) -> Results:
    results: Results = {FIRST: [], FULL: [], INCREMENTAL: []}
    async with running_service(target.url) as process:
        students = Students(process, target, await postgres_cpu(process), floor)
        for _ in range(rounds):
            await students.connect()
            results[FIRST].append(await students.measure("full"))
            await students.request_syncs("full")
            results[FULL].append(await students.measure("full"))
            # The first incremental run learns the planner's validator; the second is the usual one.
            for _ in range(2):
                await students.request_syncs("auto")
                comparison = await students.measure("incremental")
            results[INCREMENTAL].append(comparison)
    return results


async def postgres_cpu(process: Process) -> PostgresCpu:
    """PostgreSQL's processes."""
    async with process.pools.read_pool.connection() as connection:
        return PostgresCpu(connection.info.backend_pid)


def _print_results(results: Results) -> None:
    print("CPU is this process's alone, or the floor's; the ratio that counts is of syncs/s/core")
    print(f"{'':28}{'syncs/s/core':>13}{'ratio':>7}{'CPU ms':>8}{'PostgreSQL':>11}", end="")
    print(f"{'by the clock/s':>16}{'ratio':>7}{'CPU share':>11}{'requests':>10}")
    for name, comparisons in results.items():
        floor_costs = [comparison.floor for comparison in comparisons]
        _print_row(name, [comparison.ours for comparison in comparisons], floor_costs)
        _print_row("  aiohttp + orjson, the same", floor_costs, floor_costs)
    ratios = [
        full_comparison.floor.cpu / comparison.ours.cpu
        for comparison, full_comparison in _pairs(results)
    ]
    print(f"{INCREMENTAL} over the floor of a full one: {median(ratios):.2f}")


def _pairs(results: Results) -> Iterator[tuple[Comparison, Comparison]]:
    return zip(results[INCREMENTAL], results[FULL], strict=True)


def _print_row(name: str, costs: Sequence[StudentCost], floor_costs: Sequence[StudentCost]) -> None:
    wall, cpu, database, requests = (median(column) for column in zip(*costs, strict=True))
    pairs = list(zip(costs, floor_costs, strict=True))
    by_cpu = median(floor.cpu / cost.cpu for cost, floor in pairs)
    by_clock = median(floor.wall / cost.wall for cost, floor in pairs)
    share = median(cost.cpu / cost.wall for cost in costs)
    print(f"{name:28}{1 / cpu:13.1f}{by_cpu:7.2f}{cpu * 1e3:8.1f}{database * 1e3:11.1f}", end="")
    print(f"{1 / wall:16.1f}{by_clock:7.2f}{share:11.0%}{requests:10.1f}")


def main(*, quick: bool = False) -> Results:
    """Print the table of one run, in which the contenders took turns, and give it back."""
    options, rounds = (FEW_STUDENTS, 2) if quick else (ORDINARY, ROUNDS)
    with (
        running_sandbox_process(options) as target,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as floor_pool,
    ):
        results = asyncio.run(_measure_rounds(target, floor_pool, rounds))
    _print_results(results)
    return results


if __name__ == "__main__":
    main()
