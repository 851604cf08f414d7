"""From an event in the log to the person's WebSocket: beside a bare hop through a queue."""

import asyncio
import multiprocessing
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from datetime import datetime
from pathlib import Path
from statistics import quantiles
from uuid import UUID

import orjson
from websockets.asyncio.client import ClientConnection, connect

from infrastructure.crypto.master_key import key_ring
from infrastructure.crypto.person_keys import PeopleKeys
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from infrastructure.postgres.pools import writes
from infrastructure.queue.database_schema import bring_up_to_date
from tests.dev_tokens import SECRET, token_of
from tests.interfaces.cli.run_cli import logged, started
from tests.interfaces.live.broadcast_fixture import Running

MASTER = "hex:" + "0123456789abcdef" * 4
CLIENTS = 250
AT_ONCE = 50
"""Runs that go on at the same time."""
RATE = 250.0
"""Appends a second, of one to three events."""
STEPS = 6
"""Messages a run makes."""
ENTERING = 50


def write(url: str, people: list[UUID], rate: float) -> None:
    """Let each of these people have a run, so many of them at once; in a process of its own."""
    with (
        writes(url, size=1) as pool,
        closing(EventStore(pool, PeopleKeys(pool, key_ring(MASTER)))) as store,
    ):
        due = time.monotonic()
        for first in range(0, len(people), AT_ONCE):
            runs = [Running(store, person) for person in people[first : first + AT_ONCE]]
            for step in range(STEPS):
                for run in runs:
                    _step(run, step)
                    due += 1 / rate
                    time.sleep(max(0.0, due - time.monotonic()))


def _step(run: Running, step: int) -> None:
    if step == 0:
        run.request()
    elif step == 1:
        run.start()
    elif step == STEPS - 1:
        run.complete()
    else:
        run.see(step)


async def listen(socket: ClientConnection) -> list[float]:
    """The ages, in seconds, of the messages of one run, from when the server recorded them."""
    ages = []
    for _ in range(STEPS):
        message = orjson.loads(await asyncio.wait_for(socket.recv(), 60))
        ages.append(time.time() - datetime.fromisoformat(message["at"]).timestamp())
    if message["sync"]["status"] != "completed":
        raise AssertionError("A message was lost.")
    return ages


async def received(base: str, url: str, people: list[UUID], rate: float) -> list[float]:
    """The ages of all messages of all people, each on a line of their own."""
    address = base.replace("http", "ws") + "/ws/sync-status"
    door = asyncio.Semaphore(ENTERING)

    async def enter(person: UUID) -> ClientConnection:
        async with door:
            told = ["bearer", token_of(person)]
            line = connect(address, proxy=None, subprotocols=told, open_timeout=60)  # type: ignore[arg-type]  # plain strings
            socket = await stack.enter_async_context(line)
            await socket.recv()
            return socket

    async with AsyncExitStack() as stack:
        began = time.perf_counter()
        sockets = await asyncio.gather(*map(enter, people))
        print(f"{len(people)} clients let in in {time.perf_counter() - began:.1f} s", flush=True)
        spawned = multiprocessing.get_context("spawn")
        writer = spawned.Process(target=write, args=(url, people, rate))
        writer.start()
        told = await asyncio.gather(*map(listen, sockets))
        await asyncio.to_thread(writer.join)
    return [age for ages in told for age in ages]


async def hops(count: int) -> list[float]:
    """Seconds from a thread through a queue to whoever waits for it on the event loop."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[float]()

    async def hop() -> float:
        sent = await queue.get()
        return time.perf_counter() - sent

    def put() -> None:
        for _ in range(count):
            loop.call_soon_threadsafe(queue.put_nowait, time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=put)
    thread.start()
    waited = [await hop() for _ in range(count)]
    thread.join()
    return waited


@contextmanager
def serving() -> Iterator[tuple[str, str]]:
    """The addresses of an API process that runs nothing itself, and of its database."""
    home = Path(tempfile.mkdtemp(prefix="easeboard-bench-"))
    try:
        with EmbeddedPostgres(home / "database") as server:
            bring_up_to_date(server.url)
            environment = {
                "DATABASE_URL": server.url,
                "CANVAS_ENCRYPTION_KEY": MASTER,
                "SUPABASE_JWT_SECRET": SECRET,
                "LOG_FORMAT": "json",
            }
            roles, log = ("serve", "--port", "0", "--roles", "api"), home / "log"
            with started(home, *roles, log=log, **environment):
                yield logged(log, "serving")["url"], server.url
    finally:
        shutil.rmtree(home)


def main(*, quick: bool = False, clients: int = CLIENTS, rate: float = RATE) -> None:
    """Print the ages of messages as they arrive and their ratio to a bare hop."""
    people = [UUID(int=nth) for nth in range(1, (clients // 5 if quick else clients) + 1)]
    bare = quantiles(asyncio.run(hops(500)), n=100)
    with serving() as (base, url):
        ages = quantiles(asyncio.run(received(base, url, people, rate)), n=100)
    print(f"{'':>22}{'p50':>10}{'p99':>10}")
    for name, found in (("recorded to received", ages), ("a hop", bare)):
        print(f"{name:>22}{found[49] * 1000:7.1f} ms{found[98] * 1000:7.1f} ms")
    print(f"ours is {ages[49] / bare[49]:.0f} x a hop at p50, {ages[98] / bare[98]:.0f} x at p99")


if __name__ == "__main__":
    main()
