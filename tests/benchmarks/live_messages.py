"""From the commit to the WebSocket and to all read models: sparse and busy, one process and two.

A writer process appends the events of runs at a fixed rate; each person has a WebSocket of their
own, and a sampler reads the checkpoints of the read models. Ages are counted from `recorded_at`,
the time of the insert; all processes share one clock. Two processes: the roles `api` and
`projector` apart. A hop is the way from a thread through a queue to the event loop, the least that
a message can take.
"""

import asyncio
import multiprocessing
import threading
import time
from contextlib import AsyncExitStack, ExitStack, closing
from datetime import datetime
from functools import partial
from statistics import quantiles
from typing import NamedTuple, Self
from uuid import UUID

import orjson
import psycopg
from websockets.asyncio.client import ClientConnection, connect

from infrastructure.crypto.master_key import parse_key_ring
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.pools import open_write_pool
from infrastructure.projection_engine.versions import live_versions
from infrastructure.subscriptions.wake_ups import APPENDED, WakeUps
from projections.registry import READ_MODELS
from tests.benchmarks.event_logs import MASTER_KEY
from tests.benchmarks.report import Figure, Goal, Report, RunSize, Table, number
from tests.benchmarks.served_database import ServedDatabase, new_database
from tests.dev_tokens import token_of
from tests.interfaces.live.sync_driver import SyncDriver

CONCURRENT_RUNS = 50
MESSAGES_PER_RUN = 6
EVENTS_PER_RUN = 9
CONCURRENT_CONNECTS = 50
SAMPLE_SECONDS = 0.004
"""The sampler reads the checkpoints that often, so a read model seems up to this much later."""


class Load(NamedTuple):
    """How many people have a run, and how many events a second are appended."""

    name: str
    people: int
    events_per_second: float


class Ages(NamedTuple):
    """Seconds since the events were recorded, and the events a second that were appended."""

    messages: list[float]
    read_models: list[float]
    events_per_second: float


def write_runs(url: str, people: list[UUID], rate: float) -> None:
    """Append the events of one run for each person; to be called in a process of its own.

    CONCURRENT_RUNS runs are in progress at a time, and `rate` is in appends a second. Like every
    process of the service, this one wakes the readers of the log in the others.
    """
    with (
        open_write_pool(url, size=1) as pool,
        closing(WakeUps(url, {})) as wake_ups,
        closing(
            EventStore(
                pool,
                PersonKeys(pool, parse_key_ring(MASTER_KEY)),
                on_append=partial(wake_ups.send, APPENDED),
            )
        ) as store,
    ):
        drivers = [SyncDriver(store, person) for person in people]
        due_at = time.monotonic()
        for first in range(0, len(people), CONCURRENT_RUNS):
            runs = drivers[first : first + CONCURRENT_RUNS]
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


class CheckpointSampler:
    """Reads in a thread how far all read models are, and when."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._samples: list[tuple[float, int]] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _sample(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            last = -1
            while not self._stopping.wait(SAMPLE_SECONDS):
                position = min(each.position for each in live_versions(connection, READ_MODELS))
                if position != last:
                    self._samples.append((time.time(), position))
                    last = position

    def ages(self, after: int) -> tuple[list[float], float]:
        """Return how old each event was when all read models had it, and the events a second.

        Only events after a position count.
        """
        query = """
            SELECT position, extract(epoch FROM recorded_at)::float8
              FROM easeboard.events
             WHERE position > %s
             ORDER BY position
        """
        with psycopg.connect(self._url) as connection:
            events = connection.execute(query, [after]).fetchall()
        samples, ages = iter(self._samples), []
        seen_at, reached = next(samples)
        for position, recorded_at in events:
            while reached < position:
                seen_at, reached = next(samples)
            ages.append(seen_at - recorded_at)
        return ages, len(events) / (events[-1][1] - events[0][1])


async def measure_ages(base: str, database: ServedDatabase, load: Load) -> list[float]:
    """Return the ages of all messages; each person has a WebSocket of their own."""
    address = base.replace("http", "ws") + "/ws/sync-status"
    connect_slots = asyncio.Semaphore(CONCURRENT_CONNECTS)
    people = [UUID(int=nth) for nth in range(1, load.people + 1)]

    async def connect_client(person: UUID) -> ClientConnection:
        async with connect_slots:
            protocols = ["bearer", token_of(person)]
            client = connect(address, proxy=None, subprotocols=protocols, open_timeout=60)  # type: ignore[arg-type]  # they are strings
            socket = await stack.enter_async_context(client)
            await socket.recv()
            return socket

    async with AsyncExitStack() as stack:
        sockets = await asyncio.gather(*map(connect_client, people))
        context = multiprocessing.get_context("spawn")
        rate = load.events_per_second * MESSAGES_PER_RUN / EVENTS_PER_RUN
        writer = context.Process(target=write_runs, args=(database.url, people, rate))
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


def measure(load: Load, processes: int) -> Ages:
    """Measure one load with the roles in one process, or in two."""
    with new_database() as database, ExitStack() as stack:
        api = stack.enter_context(database.serve("api,projector" if processes == 1 else "api"))
        projector = api if processes == 1 else stack.enter_context(database.serve("projector"))
        warm_up = multiprocessing.get_context("spawn").Process(
            target=write_runs, args=(database.url, [UUID(int=2**64)], 100.0)
        )
        warm_up.start()
        warm_up.join()
        before = database.last_position()
        database.wait_until_projected(before, projector)
        with CheckpointSampler(database.url) as sampler:
            messages = asyncio.run(measure_ages(api.url, database, load))
            database.wait_until_projected(database.last_position(), projector)
            time.sleep(10 * SAMPLE_SECONDS)
        # The connections are opened before the runs, as fast as possible: they do not count.
        read_models, rate = sampler.ages(after=before + load.people)
    return Ages(messages, read_models, rate)


def measure_all(size: RunSize) -> Report:
    """Measure both loads in one process and in two."""
    loads = [
        Load("sparse", size.choose(20, 5), 15.0),
        Load("busy", size.choose(500, 50), 800.0),
    ]
    report, rows = Report(), []
    p50, p99 = _percentiles(asyncio.run(measure_hops(size.choose(500, 100))))
    rows.append(["a hop through a queue", "–", number(p50), number(p99), "–", "–"])
    for load in loads:
        for processes in (1, 2):
            ages = measure(load, processes)
            name = f"{load.name}, {processes} {'process' if processes == 1 else 'processes'}"
            message_p50, message_p99 = _percentiles(ages.messages)
            model_p50, model_p99 = _percentiles(ages.read_models)
            cells = [ages.events_per_second, message_p50, message_p99, model_p50, model_p99]
            rows.append([name, *map(number, cells)])
            report.figures += [
                Figure(f"{name}: to the WebSocket, p50", message_p50, "ms", Goal(10, at_most=True)),
                Figure(f"{name}: to the WebSocket, p99", message_p99, "ms", Goal(60, at_most=True)),
                Figure(f"{name}: to all read models, p50", model_p50, "ms", Goal(40, at_most=True)),
            ]
    columns = ["", "events/s", "WebSocket p50 ms", "p99 ms", "read models p50 ms", "p99 ms"]
    report.tables.append(Table("From the insert to the WebSocket and to the rows", columns, rows))
    return report


def _percentiles(seconds: list[float]) -> tuple[float, float]:
    """Return p50 and p99 in milliseconds."""
    percentiles = quantiles(seconds, n=100)
    return percentiles[49] * 1000, percentiles[98] * 1000
