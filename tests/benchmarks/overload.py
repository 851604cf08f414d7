"""Twice what the machine carries, for a minute: what is refused, what it costs, and afterwards.

Run by hand: `python -m tests.benchmarks.overload`, or with `quick` for ten seconds.
"""

import asyncio
import http.client
import json
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import psutil

from tests.benchmarks.overload_load import Asking, Line, Person, ask
from tests.dev_tokens import SECRET, token_of
from tests.interfaces.cli.run_cli import logged, started

PEOPLE, CONNECTIONS = 60, 400
AT_CAPACITY = 32
"""Requests in flight while capacity is measured: as many as the server works on at once."""
PROBE_EVERY = 0.05
RECOVERED_WITHIN = 5.0


class Seen(NamedTuple):
    """What a second process saw of a server: milliseconds of `/health/live`, megabytes of it."""

    milliseconds: list[float]
    megabytes: list[float]


def probe(url: str, process_id: int, over: Event, told: Any) -> None:
    """Ask whether it lives, again and again, in a process that does nothing else."""
    address, server = urlsplit(url), psutil.Process(process_id)
    line = http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)
    seen = Seen([], [])
    while not over.wait(PROBE_EVERY):
        began = time.perf_counter()
        line.request("GET", "/health/live")
        answer = line.getresponse()
        answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise AssertionError(f"/health/live answered {answer.status}")
        seen.milliseconds.append((time.perf_counter() - began) * 1000)
        seen.megabytes.append(server.memory_info().rss / 1e6)
    told.put(seen)


@contextmanager
def probing(url: str, process_id: int) -> Iterator[list[Seen]]:
    """What was seen while the block ran, once it has."""
    context = multiprocessing.get_context("spawn")
    over, told, seen = context.Event(), context.Queue(), list[Seen]()
    process = context.Process(target=probe, args=(url, process_id, over, told))
    process.start()
    try:
        yield seen
    finally:
        over.set()
        seen.append(told.get(timeout=30))
        process.join()


async def capacity(url: str, people: list[Person], seconds: float) -> float:
    """Requests a second that are answered with as many in flight as are worked on."""
    asking = Asking(people)
    ends = time.perf_counter() + seconds

    async def go_on() -> None:
        async with Line(url) as line:
            while time.perf_counter() < ends:
                await ask(line, asking)

    await asyncio.gather(*(go_on() for _ in range(AT_CAPACITY)))
    return sum(asking.statuses.values()) / seconds


async def overload(url: str, people: list[Person], rate: float, seconds: float) -> Asking:
    """Requests that come at a rate, whatever becomes of those before them."""
    asking = Asking(people)
    idle: asyncio.LifoQueue[Line] = asyncio.LifoQueue()
    for _ in range(CONNECTIONS):
        idle.put_nowait(await Line(url).__aenter__())

    async def one(line: Line) -> None:
        await ask(line, asking)
        idle.put_nowait(line)

    began, sent = time.perf_counter(), 0
    async with asyncio.TaskGroup() as group:
        while (passed := time.perf_counter() - began) < seconds:
            for _ in range(int(passed * rate) - sent):
                sent += 1
                if idle.empty():
                    asking.unsent += 1  # nobody has this many connections at hand
                else:
                    group.create_task(one(idle.get_nowait()))
            await asyncio.sleep(0.002)
    while not idle.empty():
        await idle.get_nowait().__aexit__()
    return asking


async def recovery(url: str, people: list[Person], usual: float) -> float:
    """Seconds until ten reads in a row are answered about as fast as before."""
    began, good = time.perf_counter(), 0
    async with Line(url) as line:
        while good < 10:  # a few, so that it is no accident
            asked = time.perf_counter()
            status = await line.ask("GET", "/api/v1/canvas/courses", people[0].token)
            fast = time.perf_counter() - asked < max(0.05, 3 * usual)
            good = good + 1 if fast and status == http.HTTPStatus.OK else 0
    return time.perf_counter() - began


async def usual(url: str, people: list[Person]) -> float:
    """Seconds a read takes when nothing else is asked."""
    async with Line(url) as line:
        times = []
        for _ in range(50):
            asked = time.perf_counter()
            await line.ask("GET", "/api/v1/canvas/courses", people[0].token)
            times.append(time.perf_counter() - asked)
    return median(times)


async def connect(url: str, canvas: str, tokens: list[str]) -> list[Person]:
    """People who are connected, each to an account of their own."""
    people = []
    async with Line(url) as line:
        for nth, canvas_token in enumerate(tokens, start=1):
            token = token_of(UUID(int=nth), ttl=86400)
            body = {"canvas_url": canvas, "canvas_name": "Sandbox", "api_token": canvas_token}
            said = await line.exchange("POST", "/api/v1/canvas/setup", token, json.dumps(body))
            people.append(Person(token, json.loads(said.body)["connection"]["id"]))
    return people


async def measure(url: str, people: list[Person], server: int, seconds: float) -> None:
    """Measure and print."""
    await asyncio.sleep(5)  # their first syncs
    calm = await usual(url, people)
    carried = await capacity(url, people, min(10.0, seconds))
    with probing(url, server) as seen:
        asking = await overload(url, people, 2 * carried, seconds)
    back = await recovery(url, people, calm)
    _print(asking, seen[0], seconds, carried)
    print(f"a read alone {calm * 1000:.1f} ms; as fast again after {back:.2f} s", flush=True)
    asking.must_be_well()
    if back > RECOVERED_WITHIN:
        raise AssertionError("It took too long to recover.")


def _print(asking: Asking, seen: Seen, seconds: float, carried: float) -> None:
    answered = sum(count for status, count in asking.statuses.items() if status < 500)
    cuts = quantiles(seen.milliseconds, n=100)
    quarter = len(seen.megabytes) // 4
    print(
        f"carried {carried:,.0f}/s, sent {2 * carried:,.0f}/s, answered {answered / seconds:,.0f}/s"
    )
    print(f"statuses {dict(sorted(Counter(asking.statuses).items()))}, unsent {asking.unsent}")
    refused = asking.refused or [0.0]
    print(f"refused within {median(refused) * 1000:.1f} ms (median)")
    over = sum(took > 50 for took in seen.milliseconds) / len(seen.milliseconds)
    print(f"/health/live p50 {cuts[49]:.1f} ms, p95 {cuts[94]:.1f}, p99 {cuts[98]:.1f}, ", end="")
    print(f"{over:.1%} over 50 ms, n={len(seen.milliseconds)}")
    early, late = seen.megabytes[quarter : 2 * quarter], seen.megabytes[-quarter:]
    print(f"memory {seen.megabytes[0]:.0f} MB at first, ", end="")
    print(f"{median(early):.0f} in the second quarter, {median(late):.0f} in the last")


def main(*, quick: bool = False) -> None:
    """Run the program and a sandbox as processes of their own, and load them."""
    home = Path(tempfile.mkdtemp(prefix="easeboard-overload-"))
    try:
        asked = ["--port", "0", "--students", str(PEOPLE), "--courses", "4", "--assignments", "5"]
        with started(home, "sandbox", *asked, log=home / "sandbox.log") as sandbox:
            lines = [
                json.loads(str(sandbox.stdout and sandbox.stdout.readline())) for _ in range(PEOPLE)
            ]
            canvas, tokens = lines[0]["canvas_url"], [line["token"] for line in lines]
            variables = {
                "CANVAS_ALLOW_PRIVATE": canvas.removeprefix("http://"),
                "SUPABASE_JWT_SECRET": SECRET,
            }
            log = home / "server.log"
            with started(home, "serve", "--port", "0", log=log, **variables) as process:
                url = logged(log, "serving")["url"]
                asyncio.run(_all(url, canvas, tokens, process.pid, 10 if quick else 60))
    finally:
        shutil.rmtree(home)


async def _all(url: str, canvas: str, tokens: list[str], server: int, seconds: float) -> None:
    await measure(url, await connect(url, canvas, tokens), server, seconds)


if __name__ == "__main__":
    main(quick="quick" in sys.argv)
