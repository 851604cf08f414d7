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
from infrastructure.event_store.history import head
from infrastructure.queue.worker import Working
from interfaces.composition.process import Running
from projections.registry import READ_MODELS
from tests.benchmarks.fetch_and_parse import NOT_MODIFIED, Asked, Errand, each, fetch_and_parse
from tests.benchmarks.target import Target, sandbox
from tests.benchmarks.whole_service import service

ORDINARY = SandboxOptions(students=60, courses=6, assignments=40, latency_ms=20)
FEW = SandboxOptions(students=12, courses=6, assignments=40, latency_ms=20)
ROUNDS = 4
AT_ONCE = 24
"""Students read at the same time."""
COMMANDS_AT_ONCE = 4

FIRST, FULL, INCREMENTAL = "first sync", "unchanged, full", "unchanged, incremental"


class Spent(NamedTuple):
    """Seconds a student, of the clock, of CPU and of PostgreSQL's CPU; and requests a student."""

    wall: float
    cpu: float
    database: float
    requests: float


class Turn(NamedTuple):
    """What the service spent, and what the floor did on exactly the same requests."""

    ours: Spent
    floor: Spent


Found = dict[str, list[Turn]]


class Server:
    """The CPU of PostgreSQL's processes, those included that have ended."""

    def __init__(self, backend: int) -> None:
        self._postmaster = psutil.Process(backend).parent() or psutil.Process(backend)

    def seconds(self) -> float:
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
        self, running: Running, target: Target, server: Server, floor: ProcessPoolExecutor
    ) -> None:
        self._running = running
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
            self._connections[person] = await self._running.service.set_up_connection(command)

        self._connections.clear()
        await each(self._target.tokens, connect, at_once=COMMANDS_AT_ONCE)
        await self._projected()

    async def ask(self, mode: str) -> None:
        """Queue a run of each."""

        async def ask(person: UUID) -> None:
            connection = self._connections[person]
            wish = RequestSync(person_id=person, connection_id=connection, mode=mode)
            await self._running.service.request_sync(wish)

        await each(self._connections, ask, at_once=COMMANDS_AT_ONCE)
        await self._projected()

    async def measure(self, mode: str) -> Turn:
        """Let a worker empty the queue until all can be read, then the floor ask the same."""
        self._target.pull("forget_requests")
        began, busy, served = perf_counter(), process_time(), self._server.seconds()
        async with self._working() as done:
            await done.wait()
            await self._projected()
            wall, cpu = perf_counter() - began, process_time() - busy
        database = self._server.seconds() - served
        await self._must_be_completed(mode)
        errands, many = self._errands(), len(self._connections)
        requests = sum(len(errand.asked) for errand in errands) / many
        cost = await asyncio.wrap_future(self._floor.submit(fetch_and_parse, errands, AT_ONCE))
        return Turn(
            Spent(wall / many, cpu / many, database / many, requests),
            Spent(cost.wall / many, cost.cpu / many, 0, requests),
        )

    @asynccontextmanager
    async def _working(self) -> AsyncIterator[asyncio.Event]:
        """A worker as `serve` runs it; the event says that it has had a run of everybody."""
        left, done = set(self._connections.values()), asyncio.Event()

        async def run(command: RunSync) -> None:
            await self._running.service.run_sync(command)
            left.discard(command.connection_id)
            if not left:
                done.set()

        service = self._running.service
        worker = Working(self._running.queue, run, service.give_run_back, concurrency=AT_ONCE)
        working = asyncio.create_task(worker.work())
        try:
            yield done
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def _projected(self) -> None:
        names = [model.name for model in READ_MODELS]
        await self._running.service.wait_for(await head(self._running.pools.reads), names, 60)

    async def _must_be_completed(self, mode: str) -> None:
        for connection in self._connections.values():
            run = await self._running.service.sync_now(connection)
            if run is None or (run["status"], run["mode"]) != ("completed", mode):
                raise AssertionError(f"This is no completed run of mode {mode}: {run}")

    def _errands(self) -> list[Errand]:
        """What the sandbox was just asked, student by student."""
        errands = [Errand(token, []) for token in self._target.tokens]
        for entry in self._target.pull("requests"):
            url = f"{self._target.url}{entry['path']}?{entry['query']}"
            asked = Asked(url, known=entry["status"] == NOT_MODIFIED)
            errands[entry["student"]].asked.append(asked)
        return errands


async def _take_turns(target: Target, floor: ProcessPoolExecutor, rounds: int) -> Found:
    found: Found = {FIRST: [], FULL: [], INCREMENTAL: []}
    async with service(target.url) as running:
        students = Students(running, target, await server(running), floor)
        for _ in range(rounds):
            await students.connect()
            found[FIRST].append(await students.measure("full"))
            await students.ask("full")
            found[FULL].append(await students.measure("full"))
            # The first incremental run learns the planner's validator; the second is the usual one.
            for _ in range(2):
                await students.ask("auto")
                usual = await students.measure("incremental")
            found[INCREMENTAL].append(usual)
    return found


async def server(running: Running) -> Server:
    """PostgreSQL's processes."""
    async with running.pools.reads.connection() as connection:
        return Server(connection.info.backend_pid)


def _tell(found: Found) -> None:
    print("CPU is this process's alone, or the floor's; the ratio that counts is of syncs/s/core")
    print(f"{'':28}{'syncs/s/core':>13}{'ratio':>7}{'CPU ms':>8}{'PostgreSQL':>11}", end="")
    print(f"{'by the clock/s':>16}{'ratio':>7}{'CPU share':>11}{'requests':>10}")
    for name, turns in found.items():
        _tell_row(name, [turn.ours for turn in turns], [turn.floor for turn in turns])
        floor = [turn.floor for turn in turns]
        _tell_row("  aiohttp + orjson, the same", floor, floor)
    ratios = [full.floor.cpu / turn.ours.cpu for turn, full in _pairs(found)]
    print(f"{INCREMENTAL} over the floor of a full one: {median(ratios):.2f}")


def _pairs(found: Found) -> Iterator[tuple[Turn, Turn]]:
    return zip(found[INCREMENTAL], found[FULL], strict=True)


def _tell_row(name: str, spent: Sequence[Spent], floor: Sequence[Spent]) -> None:
    wall, cpu, database, requests = (median(column) for column in zip(*spent, strict=True))
    pairs = list(zip(spent, floor, strict=True))
    by_cpu = median(least.cpu / one.cpu for one, least in pairs)
    by_clock = median(least.wall / one.wall for one, least in pairs)
    share = median(one.cpu / one.wall for one in spent)
    print(f"{name:28}{1 / cpu:13.1f}{by_cpu:7.2f}{cpu * 1e3:8.1f}{database * 1e3:11.1f}", end="")
    print(f"{1 / wall:16.1f}{by_clock:7.2f}{share:11.0%}{requests:10.1f}")


def main(*, quick: bool = False) -> Found:
    """Print the table of one run, in which the contenders took turns, and give it back."""
    options, rounds = (FEW, 2) if quick else (ORDINARY, ROUNDS)
    with (
        sandbox(options) as target,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as floor,
    ):
        found = asyncio.run(_take_turns(target, floor, rounds))
    _tell(found)
    return found


if __name__ == "__main__":
    main()
