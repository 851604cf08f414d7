"""An unchanged large student: a full run and an incremental one, side by side in one service.

`python -m tests.benchmarks.incremental`: 40 courses of 120 assignments, without latency and with
80 ms a request. Eight requests in flight make a full run at least six answers long, and an
incremental one at least one: with latency alone the ratio of seconds cannot pass six.
Bytes are counted on the wire, in runs of their own, by a relay in front of the sandbox.
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
from interfaces.composition.process import Running
from tests.benchmarks.sync_large_student import LARGE, SMALL
from tests.benchmarks.target import Target, sandbox
from tests.benchmarks.whole_service import service, timed

CHUNK = 64 * 1024


class Cost(NamedTuple):
    """What one kind of run costs: seconds until it ended and could be read; `received` bytes."""

    ended: float
    readable: float
    cpu: float
    requests: int
    received: int


@dataclass
class Relay:
    """Passes everything on, and counts what comes back."""

    to: int
    url: str = ""
    received: int = 0

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side ends it."""
        theirs, ours = await asyncio.open_connection("127.0.0.1", self.to)
        await asyncio.gather(self._pass(reader, ours), self._pass(theirs, writer, count=True))

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, count: bool = False
    ) -> None:
        with suppress(ConnectionError):
            while piece := await reader.read(CHUNK):
                self.received += len(piece) if count else 0
                writer.write(piece)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def relaying(target: Target) -> AsyncIterator[Relay]:
    """A relay in front of a sandbox."""
    relay = Relay(int(target.url.rpartition(":")[2]))
    async with await asyncio.start_server(relay.meet, "127.0.0.1", 0) as server:
        relay.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield relay


async def _connected(running: Running, url: str, token: str) -> tuple[UUID, UUID]:
    person = uuid4()
    command = SetUpConnection(
        person_id=person, canvas_url=url, canvas_name="Large", api_token=token
    )
    connection = await running.service.set_up_connection(command)
    await timed(running, connection)
    return person, connection


async def _cost(running: Running, who: tuple[UUID, UUID], mode: str, runs: int) -> Cost:
    person, connection = who
    found = []
    for _ in range(runs):
        wish = RequestSync(person_id=person, connection_id=connection, mode=mode)
        await running.service.request_sync(wish)
        found.append(await timed(running, connection))
    return Cost(
        median(one.recorded for one in found),
        median(one.readable for one in found),
        median(one.cpu for one in found),
        found[-1].requests,
        0,
    )


async def _measure(target: Target, runs: int) -> dict[str, Cost]:
    found = {}
    async with relaying(target) as relay, service(f"{target.url},{relay.url}") as running:
        direct = await _connected(running, target.url, target.token)
        relayed = await _connected(running, relay.url, target.token)
        for mode in ("full", "auto"):
            await _cost(running, relayed, mode, 1)
            relay.received = 0
            await _cost(running, relayed, mode, 1)
            received = relay.received
            cost = await _cost(running, direct, mode, runs)
            found[mode] = cost._replace(received=received)
    return found


def measure(options: SandboxOptions, runs: int = 5) -> dict[str, Cost]:
    """The costs of `full` and of `auto` runs over a student who did nothing."""
    with sandbox(options) as target:
        return asyncio.run(_measure(target, runs))


def main(*, quick: bool = False) -> None:
    """Measure without latency and with 80 ms, and print the ratios."""
    options = SMALL if quick else LARGE
    print(f"\nUnchanged student, {options.courses} courses x {options.assignments} assignments")
    print(f"{'':28}{'ended s':>9}{'readable':>9}{'CPU s':>8}{'requests':>10}{'bytes':>12}")
    for latency in (0, 80):
        full, again = measure(replace(options, latency_ms=latency)).values()
        for name, cost in ((f"full, {latency} ms", full), (f"incremental, {latency} ms", again)):
            print(
                f"{name:28}{cost.ended:9.3f}{cost.readable:9.3f}{cost.cpu:8.3f}"
                f"{cost.requests:10}{cost.received:12,}"
            )
        x = Cost(*(whole / part for whole, part in zip(full, again, strict=True)))  # type: ignore[arg-type]  # ratios of counts
        print(
            f"{'x':28}{x.ended:9.1f}{x.readable:9.1f}{x.cpu:8.1f}{x.requests:10.1f}"
            f"{x.received:12.1f}"
        )


if __name__ == "__main__":
    main()
