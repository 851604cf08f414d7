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

from application.request_sync import RequestSync
from application.set_up_connection import SetUpConnection
from infrastructure.canvas_sandbox import SandboxOptions
from interfaces.composition.process import Process
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


def measure(options: SandboxOptions, runs: int = 5) -> dict[str, RunCost]:
    """Measure runs of the modes `full` and `auto` for a student without changes."""
    with running_sandbox_process(options) as target:
        return asyncio.run(_measure(target, runs))


def main(*, quick: bool = False) -> None:
    """Measure without latency and with 80 ms, and print costs and ratios."""
    options = SMALL if quick else LARGE
    print(f"\nUnchanged student, {options.courses} courses x {options.assignments} assignments")
    print(f"{'':28}{'ended s':>9}{'readable':>9}{'CPU s':>8}{'requests':>10}{'bytes':>12}")
    for latency in (0, 80):
        full, incremental = measure(replace(options, latency_ms=latency)).values()
        for name, cost in (
            (f"full, {latency} ms", full),
            (f"incremental, {latency} ms", incremental),
        ):
            print(
                f"{name:28}{cost.ended:9.3f}{cost.readable:9.3f}{cost.cpu:8.3f}"
                f"{cost.requests:10}{cost.received:12,}"
            )
        ratios = RunCost(*(whole / part for whole, part in zip(full, incremental, strict=True)))  # type: ignore[arg-type]  # ratios of integers
        print(
            f"{'ratios':28}{ratios.ended:9.1f}{ratios.readable:9.1f}{ratios.cpu:8.1f}{ratios.requests:10.1f}"
            f"{ratios.received:12.1f}"
        )


if __name__ == "__main__":
    main()
