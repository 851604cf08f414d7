"""Sync an unchanged large student: a full run and an incremental one, in the same service.

The student has 40 courses of 120 assignments; latency is none, then 80 ms a request. With eight
requests in flight, a full run needs at least six responses in sequence, an incremental one at
least one. So latency alone cannot make the ratio of seconds larger than six.
A relay in front of the sandbox counts the bytes, in separate runs.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from statistics import median
from typing import NamedTuple
from uuid import UUID, uuid4

import uvloop

from application.request_sync import RequestSync
from application.set_up_connection import SetUpConnection
from infrastructure.canvas_sandbox import SandboxOptions
from interfaces.composition.process import Process
from tests.benchmarks.report import Figure, Report, RunSize, Table, number
from tests.benchmarks.sandbox_process import SandboxTarget, running_sandbox_process
from tests.benchmarks.sync_large_student import LARGE, SMALL
from tests.benchmarks.whole_service import measure_sync, running_service

CHUNK_BYTES = 64 * 1024


class RunCost(NamedTuple):
    """Median cost of a run: seconds until its end, and until the read models have applied it.

    `cpu` is seconds of this process, `received` the bytes from the sandbox.
    """

    ended: float
    readable: float
    cpu: float
    requests: int
    received: int


@dataclass
class CountingRelay:
    """Relays connections to a sandbox, and counts the bytes that it sends."""

    port: int
    url: str = ""
    received_bytes: int = 0

    async def serve_connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Relay one connection until either side closes it."""
        sandbox_reader, sandbox_writer = await asyncio.open_connection("127.0.0.1", self.port)
        await asyncio.gather(
            self._forward(reader, sandbox_writer), self._forward(sandbox_reader, writer, count=True)
        )

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, count: bool = False
    ) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(CHUNK_BYTES):
                self.received_bytes += len(chunk) if count else 0
                writer.write(chunk)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def running_relay(target: SandboxTarget) -> AsyncIterator[CountingRelay]:
    """Run a relay in front of a sandbox."""
    relay = CountingRelay(int(target.url.rpartition(":")[2]))
    async with await asyncio.start_server(relay.serve_connection, "127.0.0.1", 0) as server:
        relay.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield relay


async def _connect(process: Process, url: str, token: str) -> tuple[UUID, UUID]:
    person = uuid4()
    command = SetUpConnection(
        person_id=person, canvas_url=url, canvas_name="Large", api_token=token
    )
    connection = (await process.service.set_up_connection(command)).connection_id
    await measure_sync(process, connection)
    return person, connection


async def _measure_runs(
    process: Process, student: tuple[UUID, UUID], mode: str, runs: int
) -> RunCost:
    person, connection = student
    times = []
    for _ in range(runs):
        request = RequestSync(person_id=person, connection_id=connection, mode=mode)
        await process.service.request_sync(request)
        times.append(await measure_sync(process, connection))
    return RunCost(
        median(each.recorded for each in times),
        median(each.readable for each in times),
        median(each.cpu for each in times),
        times[-1].requests,
        0,
    )


async def _measure(target: SandboxTarget, runs: int) -> dict[str, RunCost]:
    costs = {}
    async with (
        running_relay(target) as relay,
        running_service(f"{target.url},{relay.url}") as process,
    ):
        direct = await _connect(process, target.url, target.token)
        relayed = await _connect(process, relay.url, target.token)
        for mode in ("full", "auto"):
            await _measure_runs(process, relayed, mode, 1)
            relay.received_bytes = 0
            await _measure_runs(process, relayed, mode, 1)
            received_bytes = relay.received_bytes
            cost = await _measure_runs(process, direct, mode, runs)
            costs[mode] = cost._replace(received=received_bytes)
    return costs


def measure(options: SandboxOptions, runs: int) -> dict[str, RunCost]:
    """Measure runs of the modes `full` and `auto` for a student without changes."""
    with (
        running_sandbox_process(options) as target,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        return runner.run(_measure(target, runs))


def measure_all(size: RunSize) -> Report:
    """Measure without latency and with 80 ms."""
    options = SMALL if size.quick else LARGE
    report = Report()
    columns = ["", "ended s", "readable s", "CPU s", "requests", "bytes"]
    for latency in (0, 80):
        full, incremental = measure(
            replace(options, latency_ms=latency), size.choose(5, 1)
        ).values()
        rows = [
            [
                name,
                number(cost.ended),
                number(cost.readable),
                number(cost.cpu),
                f"{cost.requests}",
                f"{cost.received:,}",
            ]
            for name, cost in (("full", full), ("incremental", incremental))
        ]
        ratios = [whole / part for whole, part in zip(full, incremental, strict=True)]
        rows.append(["full ÷ incremental", *map(number, ratios)])
        caption = f"{options.courses} courses × {options.assignments} assignments, {latency} ms"
        report.tables.append(Table(caption, columns, rows))
        figure = f"incremental run, {latency} ms: CPU of a full run ÷"
        report.figures.append(Figure(figure, full.cpu / incremental.cpu, "×"))
    return report
