"""Delay of live messages from the append to the WebSocket, and of a single hop through a queue."""

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

from infrastructure.all_migrations import apply_migrations
from infrastructure.crypto.master_key import parse_key_ring
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from infrastructure.postgres.pools import open_write_pool
from tests.dev_tokens import SECRET, token_of
from tests.interfaces.cli.run_cli import running_easeboard, wait_for_log
from tests.interfaces.live.sync_driver import SyncDriver

MASTER_KEY = "hex:" + "0123456789abcdef" * 4
CLIENT_COUNT = 250
CONCURRENT_RUNS = 50
APPENDS_PER_SECOND = 250.0
"""Each append has one to three events."""
MESSAGES_PER_RUN = 6
CONCURRENT_CONNECTS = 50


def write_runs(url: str, people: list[UUID], rate: float) -> None:
    """Append the events of one run for each person; to be called in a process of its own.

    CONCURRENT_RUNS runs are in progress at a time, and `rate` is in appends a second.
    """
    with (
        open_write_pool(url, size=1) as pool,
        closing(EventStore(pool, PersonKeys(pool, parse_key_ring(MASTER_KEY)))) as store,
    ):
        due_at = time.monotonic()
        for first in range(0, len(people), CONCURRENT_RUNS):
            runs = [SyncDriver(store, person) for person in people[first : first + CONCURRENT_RUNS]]
            for step in range(MESSAGES_PER_RUN):
                for run in runs:
                    _step(run, step)
                    due_at += 1 / rate
                    time.sleep(max(0.0, due_at - time.monotonic()))


def _step(run: SyncDriver, step: int) -> None:
    if step == 0:
        run.request()
    elif step == 1:
        run.start()
    elif step == MESSAGES_PER_RUN - 1:
        run.complete()
    else:
        run.record_course(step)


async def receive_run(socket: ClientConnection) -> list[float]:
    """Receive the messages of one run; return the seconds since each was recorded."""
    ages = []
    for _ in range(MESSAGES_PER_RUN):
        message = orjson.loads(await asyncio.wait_for(socket.recv(), 60))
        ages.append(time.time() - datetime.fromisoformat(message["at"]).timestamp())
    if message["sync"]["status"] != "completed":
        raise AssertionError(f"A message was lost; the last one is {message}")
    return ages


async def measure_ages(base: str, url: str, people: list[UUID], rate: float) -> list[float]:
    """Return the ages of all messages; each person has a WebSocket of their own."""
    address = base.replace("http", "ws") + "/ws/sync-status"
    connect_slots = asyncio.Semaphore(CONCURRENT_CONNECTS)

    async def connect_client(person: UUID) -> ClientConnection:
        async with connect_slots:
            protocols = ["bearer", token_of(person)]
            client = connect(address, proxy=None, subprotocols=protocols, open_timeout=60)  # type: ignore[arg-type]  # they are strings
            socket = await stack.enter_async_context(client)
            await socket.recv()
            return socket

    async with AsyncExitStack() as stack:
        started_at = time.perf_counter()
        sockets = await asyncio.gather(*map(connect_client, people))
        seconds = time.perf_counter() - started_at
        print(f"{len(people)} clients connected in {seconds:.1f} s", flush=True)
        context = multiprocessing.get_context("spawn")
        writer = context.Process(target=write_runs, args=(url, people, rate))
        writer.start()
        ages_by_client = await asyncio.gather(*map(receive_run, sockets))
        await asyncio.to_thread(writer.join)
    return [age for ages in ages_by_client for age in ages]


async def measure_hops(count: int) -> list[float]:
    """Measure the seconds from a thread, through a queue, to a task on the event loop."""
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
    delays = [await hop() for _ in range(count)]
    thread.join()
    return delays


@contextmanager
def running_api() -> Iterator[tuple[str, str]]:
    """Run a process with the role `api` only; yield its URL and that of its database."""
    home = Path(tempfile.mkdtemp(prefix="easeboard-bench-"))
    try:
        with EmbeddedPostgres(home / "database") as server:
            apply_migrations(server.url)
            environment = {
                "DATABASE_URL": server.url,
                "CANVAS_ENCRYPTION_KEY": MASTER_KEY,
                "SUPABASE_JWT_SECRET": SECRET,
                "LOG_FORMAT": "json",
            }
            roles, log = ("serve", "--port", "0", "--roles", "api"), home / "log"
            with running_easeboard(home, *roles, log=log, **environment):
                yield wait_for_log(log, "serving")["url"], server.url
    finally:
        shutil.rmtree(home)


def main(
    *, quick: bool = False, clients: int = CLIENT_COUNT, rate: float = APPENDS_PER_SECOND
) -> None:
    """Print the ages of messages when they are received, and their ratio to a hop."""
    people = [UUID(int=nth) for nth in range(1, (clients // 5 if quick else clients) + 1)]
    hop_percentiles = quantiles(asyncio.run(measure_hops(500)), n=100)
    with running_api() as (base, url):
        age_percentiles = quantiles(asyncio.run(measure_ages(base, url, people, rate)), n=100)
    print(f"{'':>22}{'p50':>10}{'p99':>10}")
    for name, percentiles in (
        ("recorded to received", age_percentiles),
        ("hop through a queue", hop_percentiles),
    ):
        print(f"{name:>22}{percentiles[49] * 1000:7.1f} ms{percentiles[98] * 1000:7.1f} ms")
    p50, p99 = (age_percentiles[nth] / hop_percentiles[nth] for nth in (49, 98))
    print(f"a message takes {p50:.0f} x a hop at p50, {p99:.0f} x at p99")


if __name__ == "__main__":
    main()
