"""What stays flat while the log grows: appends, loads, reads, pages of history, the due scan.

The first 100,000 events are real: encrypted, projected, and of students who are measured. The
server copies them and all rows until the log has the next size. `growth` is the cost at a size
divided by that at the first size: CPU of easeboard and of PostgreSQL together, the median of many
calls. A connection with 100,000 events of its own is read as an auditor does.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median
from typing import NamedTuple
from uuid import UUID, uuid4

import psycopg

from domain.sync import Sync
from infrastructure.crypto.master_key import parse_key_ring
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.pools import open_read_pool, open_write_pool
from projections.connections.due_connections import due_connections
from tests.benchmarks.cpu_clocks import process_cpu_seconds
from tests.benchmarks.event_logs import MASTER_KEY
from tests.benchmarks.keep_alive_client import KeepAliveClient
from tests.benchmarks.line_chart import line_chart
from tests.benchmarks.log_copies import copy_students
from tests.benchmarks.report import Figure, Goal, Report, RunSize, Table, number
from tests.benchmarks.served_database import ServedDatabase, new_database
from tests.dev_tokens import token_of
from tests.interfaces.live.sync_driver import SyncDriver
from tests.projections.semesters import generate_semesters

CHART = "benchmarks-growth.svg"
MAX_GROWTH = 1.5
CALLS = 60
SYNC_INTERVAL = timedelta(hours=2)
PATHS = {
    "GET courses": "/api/v1/canvas/courses",
    "GET assignments": "/api/v1/canvas/assignments?limit=200",
    "GET dashboard": "/api/v1/dashboard/stats",
    "GET grade history": "/api/v1/canvas/grades/history",
    "GET sync logs": "/api/v1/sync/logs",
}
AUDIT_PATHS = {
    "audit: events, a page": "/api/v1/audit/connections/{}/events?purpose=benchmark",
    "audit: state": "/api/v1/audit/connections/{}/state?purpose=benchmark",
}


class Student(NamedTuple):
    """A real student."""

    person: UUID
    connection: UUID


class Cost(NamedTuple):
    """Milliseconds of one call."""

    wall: float
    own: float
    database: float

    @property
    def cpu(self) -> float:
        """CPU of easeboard and of PostgreSQL."""
        return self.own + self.database


def measure_all(size: RunSize) -> Report:
    """Measure at 100,000 events (a quick run: 5,000), then at each power of ten."""
    first = size.choose(100_000, 5_000)
    largest = 10 * first if size.quick else size.growth_events
    sizes = [first]
    while sizes[-1] * 10 <= largest:
        sizes.append(sizes[-1] * 10)
    costs: dict[int, dict[str, Cost]] = {}
    log_bytes: dict[int, float] = {}
    with new_database() as database:
        database.record(generate_semesters(first))
        database.project()
        students = _students(database)
        for nth, events in enumerate(sizes):
            if nth:
                copy_students(database, sizes[nth - 1] // first, events // first - 1)
            costs[events] = _measure_calls(database, students)
            log_bytes[events] = _log_bytes(database) / events
        events = size.choose(100_000, 2_000)
        long_stream = _measure_long_stream(database, events)
    report = _report(costs, log_bytes)
    _add_long_stream(report, long_stream, events)
    return report


def _students(database: ServedDatabase) -> list[Student]:
    with psycopg.connect(database.url) as connection:
        rows = connection.execute(
            """
            SELECT person_id, stream
              FROM easeboard.events
             WHERE topic = 'ConnectionOpened'
             ORDER BY position
             LIMIT %s
            """,
            [CALLS],
        ).fetchall()
    return [Student(*row) for row in rows]


def _measure_calls(database: ServedDatabase, students: list[Student]) -> dict[str, Cost]:
    """Measure each call for many students; some only once, so that nothing is remembered."""
    costs = {}
    with ExitStack() as stack:
        served = stack.enter_context(database.serve("api"))
        start_up = process_cpu_seconds(served.process_id) * 1e3
        client = KeepAliveClient(served)
        for name, path in PATHS.items():
            tokens = [token_of(student.person) for student in students]
            costs[name] = _request_cost(database, client, [(path, token) for token in tokens])
        auditor = token_of(uuid4(), "auditor")
        for name, template in AUDIT_PATHS.items():
            paths = [template.format(student.connection) for student in students]
            costs[name] = _request_cost(database, client, [(path, auditor) for path in paths])
        lists = [("/api/v1/audit/connections?purpose=benchmark", auditor)] * 5
        costs["audit: connections, a page"] = _request_cost(database, client, lists)
    for name, call in _calls_here(database, students, stack).items():
        costs[name] = _call_cost(database, call)
    stack.close()
    costs["start of an API process"] = Cost(start_up, start_up, 0)
    return costs


def _request_cost(
    database: ServedDatabase, client: KeepAliveClient, requests: list[tuple[str, str]]
) -> Cost:
    client.get(*requests[0])
    costs = []
    for path, token in requests:
        used = database.server.cpu_seconds()
        response = client.get(path, token)
        used = database.server.cpu_seconds() - used
        costs.append(Cost(response.wall * 1e3, response.cpu * 1e3, used * 1e3))
    return Cost(*(median(column) for column in zip(*costs, strict=True)))


def _calls_here(
    database: ServedDatabase, students: list[Student], stack: ExitStack
) -> dict[str, Callable[[int], object]]:
    """Return the calls of the event store and the scanner, by their number."""
    pool = stack.enter_context(open_write_pool(database.url, size=1))
    keys = PersonKeys(pool, parse_key_ring(MASTER_KEY), cache_seconds=3600)
    store = stack.enter_context(closing(EventStore(pool, keys)))
    runner = stack.enter_context(asyncio.Runner())
    reads = open_read_pool(database.url, size=1)
    runner.run(reads.open())
    stack.callback(lambda: runner.run(reads.close()))
    now = datetime.now(UTC)
    due = partial(due_connections, now, interval=SYNC_INTERVAL, limit=250, pool=reads)

    def load(nth: int) -> None:
        stream = Sync.id_for(students[nth % len(students)].connection)
        store.load_blocking(Sync, stream)

    return {
        "append: open a connection": lambda _: SyncDriver(store, uuid4()),
        "load: a student's syncs": load,
        "due scan: 250 connections": lambda _: runner.run(due()),
    }


def _call_cost(database: ServedDatabase, call: Callable[[int], object]) -> Cost:
    call(0)
    costs = []
    for nth in range(1, CALLS + 1):
        used = database.server.cpu_seconds()
        wall, own = time.perf_counter(), time.process_time()
        call(nth)
        wall, own = time.perf_counter() - wall, time.process_time() - own
        costs.append(Cost(wall * 1e3, own * 1e3, (database.server.cpu_seconds() - used) * 1e3))
    return Cost(*(median(column) for column in zip(*costs, strict=True)))


def _log_bytes(database: ServedDatabase) -> float:
    with psycopg.connect(database.url) as connection:
        query = "SELECT pg_total_relation_size('easeboard.events')"
        [(size,)] = connection.execute(query).fetchall()
    return float(size)


def _measure_long_stream(database: ServedDatabase, events: int) -> dict[str, Cost]:
    """Give one connection so many events, and read its past as an auditor does."""
    with (
        open_write_pool(database.url, size=1) as pool,
        closing(EventStore(pool, PersonKeys(pool, parse_key_ring(MASTER_KEY)))) as store,
    ):
        driver = SyncDriver(store, uuid4())
        instants = []
        for nth in range(events // 503 + 1):
            driver.request()
            driver.start()
            driver.record_grades(1, 500, float(nth))
            driver.complete()
            # As the worker does after a run.
            store.save_snapshot_blocking(driver.sync)
            instants.append(datetime.now(UTC))
    auditor = token_of(uuid4(), "auditor")
    base = f"/api/v1/audit/connections/{driver.connection_id}"
    past = instants[len(instants) // 2].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    with database.serve("api") as served:
        client = KeepAliveClient(served)
        paths = {
            "state in the middle of the past": f"{base}/state?as_of={past}&purpose=benchmark",
            "state now": f"{base}/state?purpose=benchmark",
            "first page of events": f"{base}/events?purpose=benchmark",
        }
        return {
            name: _request_cost(database, client, [(path, auditor)] * 5)
            for name, path in paths.items()
        }


def _report(costs: dict[int, dict[str, Cost]], log_bytes: dict[int, float]) -> Report:
    first, *others = costs
    growth = {
        name: [costs[events][name].cpu / cost.cpu for events in costs]
        for name, cost in costs[first].items()
    }
    columns = ["", *(f"{events:,} events: wall; CPU + PostgreSQL ms" for events in costs), "growth"]
    rows = [
        [name, *(_cells(costs[events][name]) for events in costs), f"{number(ratios[-1])} ×"]
        for name, ratios in growth.items()
    ]
    sizes = [f"{number(log_bytes[events])} B an event" for events in costs]
    rows.append(["event log with its indexes", *sizes, "–"])
    report = Report(tables=[Table("One call, by the size of the log", columns, rows)])
    if others:
        goal = Goal(MAX_GROWTH, at_most=True)
        title = f"growth from {first:,} to {others[-1]:,} events"
        report.figures += [
            Figure(f"{title}: {name}", ratios[-1], "×", goal) for name, ratios in growth.items()
        ]
        title = f"Cost of a call ÷ its cost at {first:,} events"
        report.charts[CHART] = line_chart(title, list(costs), growth, limit=MAX_GROWTH)
    return report


def _add_long_stream(report: Report, costs: dict[str, Cost], events: int) -> None:
    rows = [[name, _cells(cost)] for name, cost in costs.items()]
    caption = f"A connection with {events:,} events of its own, for an auditor"
    report.tables.append(Table(caption, ["", "wall; CPU + PostgreSQL ms"], rows))
    title = f"audit: a state in the past of {events:,} events"
    wall = costs["state in the middle of the past"].wall
    report.figures.append(Figure(title, wall, "ms", Goal(50, at_most=True)))


def _cells(cost: Cost) -> str:
    return f"{number(cost.wall)}; {number(cost.own)} + {number(cost.database)}"
