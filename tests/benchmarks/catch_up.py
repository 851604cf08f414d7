"""Apply a long encrypted log to the read models: catch-up, rebuilds, and a stock runner.

Catch-up: `serve --roles projector`, one process and two, on a database whose read models are empty;
measured from the first checkpoint to the last. Rebuild: `easeboard projections rebuild`, one read
model and all; what the command costs without work is subtracted. The ProjectionRunner of
eventsourcing applies the first events of the same log to the same tables, one event at a time.
Rates by CPU are events a second of one core: the events of the log that the read model subscribes
to, divided by the CPU seconds of the processes; PostgreSQL stands beside it.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from infrastructure.projection_engine.read_model import subscribed_topics
from infrastructure.projection_engine.versions import live_versions
from projections.registry import READ_MODELS, RegisteredReadModel
from tests.benchmarks.cpu_clocks import process_cpu_seconds
from tests.benchmarks.eventsourcing_projection import open_eventsourcing_log
from tests.benchmarks.report import Figure, Goal, Report, RunSize, Table, number
from tests.benchmarks.rounds import Costs, Slice
from tests.benchmarks.served_database import ServedDatabase, new_database
from tests.interfaces.cli.run_cli import running_easeboard
from tests.projections.semesters import generate_semesters

ALL = "all together"
COPY_OF_LOG = "catch_up"
CATCH_UP_TIMEOUT_SECONDS = 600.0


def _count_events(database: ServedDatabase, model: RegisteredReadModel | None) -> int:
    """Count the events of the log, or those that a read model subscribes to."""
    topics = subscribed_topics([model] if model else READ_MODELS)
    with psycopg.connect(database.url) as connection:
        query = "SELECT count(*) FROM easeboard.events WHERE topic = ANY(%s)"
        [(count,)] = connection.execute(query, [topics]).fetchall()
    return int(count)


@contextmanager
def _copied(database: ServedDatabase) -> Iterator[ServedDatabase]:
    """A copy of the database, whose read models are empty too."""
    name = sql.Identifier(COPY_OF_LOG)
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(name))
        owner = sql.SQL("CREATE DATABASE {} TEMPLATE easeboard OWNER easeboard")
        admin.execute(owner.format(name))
        yield replace(database, url=make_conninfo(database.url, dbname=COPY_OF_LOG))
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def _catch_up(database: ServedDatabase, processes: int, events: int) -> Slice:
    """Let projectors apply the whole log; returns the cost after their start-up."""
    with _copied(database) as copy, ExitStack() as stack:
        end = copy.last_position()
        served = [stack.enter_context(copy.serve("projector")) for _ in range(processes)]
        connection = stack.enter_context(psycopg.connect(copy.url, autocommit=True))

        def wait_until(is_reached: Callable[[list[int]], bool]) -> None:
            deadline = time.monotonic() + CATCH_UP_TIMEOUT_SECONDS
            while time.monotonic() < deadline:
                positions = [each.position for each in live_versions(connection, READ_MODELS)]
                if is_reached(positions):
                    return
                for each in served:
                    each.require_running()
                time.sleep(0.02)
            raise AssertionError(f"The read models have not reached position {end}.")

        wait_until(lambda positions: max(positions, default=0) > 0)
        wall, database_cpu = time.perf_counter(), copy.server.cpu_seconds()
        cpu = [process_cpu_seconds(each.process_id) for each in served]
        wait_until(lambda positions: len(positions) == len(READ_MODELS) and min(positions) >= end)
        wall = time.perf_counter() - wall
        used = sum(process_cpu_seconds(each.process_id) for each in served) - sum(cpu)
        return Slice(events, wall, used, copy.server.cpu_seconds() - database_cpu)


def _rebuild(database: ServedDatabase, *arguments: str, events: float) -> Slice:
    """Execute a command of `easeboard projections` to its end, and measure its process."""
    database_cpu, wall = database.server.cpu_seconds(), time.perf_counter()
    home = database.home / "easeboard"
    variables, log = database.environment, home / "log"
    command = ("projections", *arguments)
    with running_easeboard(home, *command, log=log, **variables) as process:
        # `wait4` returns the CPU time of the process, which its clock no longer does.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise AssertionError(f"projections {arguments} failed: {log.read_text()[-900:]}")
    wall = time.perf_counter() - wall
    used = database.server.cpu_seconds() - database_cpu
    return Slice(events, wall, usage.ru_utime + usage.ru_stime, used)


def _rebuild_alone(
    database: ServedDatabase, arguments: list[str], events: int, rounds: int
) -> Costs:
    """Measure a rebuild, without what the command costs by itself."""
    costs = Costs()
    for _ in range(rounds):
        nothing = _rebuild(database, "list", "--json", events=1)
        whole = _rebuild(database, "rebuild", *arguments, "--json", events=events)
        differences = [
            max(1e-3, total - part) for total, part in zip(whole[1:], nothing[1:], strict=True)
        ]
        costs.slices.append(Slice(events, *differences))
    return costs


def measure_all(size: RunSize) -> Report:
    """Measure catch-up, each rebuild, and the stock runner."""
    report = Report()
    event_count, rounds = size.choose(150_000, 10_000), size.choose(2, 1)
    with new_database() as database:
        database.record(generate_semesters(event_count))
        rows = []
        catch_ups = {
            processes: Costs([_catch_up(database, processes, event_count) for _ in range(rounds)])
            for processes in (1, 2)
        }
        for processes, costs in catch_ups.items():
            rows.append(_row(f"catch-up, all seven, processes: {processes}", event_count, costs))
        database.project()
        stock = _stock_rates(database, size)
        for model in READ_MODELS:
            events = _count_events(database, model)
            costs = _rebuild_alone(database, [model.name], events, rounds)
            rows.append(_row(f"rebuild of {model.name}", events, costs, stock[model.name]))
            name, rate = f"rebuild of {model.name}, one core", 1e6 / costs.cpu
            report.figures.append(Figure(name, rate, "events/s", Goal(60_000)))
        whole = _rebuild_alone(database, ["--all"], event_count, rounds)
        rows.append(_row(f"rebuild, {ALL}", event_count, whole))
    columns = ["", "events", "events/s and core", "events/s by the clock", "CPU µs"]
    columns += ["PostgreSQL µs", "stock runner, events/s"]
    report.tables.append(Table(f"A log of {event_count:,} events", columns, rows))
    report.figures += _figures(catch_ups, whole, event_count, stock)
    return report


def _row(name: str, events: int, costs: Costs, stock: float | None = None) -> list[str]:
    cells = [1e6 / costs.cpu, costs.rate, costs.cpu, costs.database]
    return [name, f"{events:,}", *map(number, cells), number(stock) if stock else "–"]


def _stock_rates(database: ServedDatabase, size: RunSize) -> dict[str, float]:
    """The events a second by the clock of the stock runner, for each read model."""
    events = list(generate_semesters(size.choose(4_000, 600)))
    with open_eventsourcing_log(database.url, events) as stock:
        return {model.name: stock.rate(model) for model in READ_MODELS}


def _figures(
    catch_ups: dict[int, Costs], whole: Costs, events: int, stock: dict[str, float]
) -> list[Figure]:
    """The stock runner needs one runner for each read model: its rates together are harmonic."""
    stock_together = 1 / sum(1 / rate for rate in stock.values())
    one, two = catch_ups[1], catch_ups[2]
    return [
        Figure(f"rebuild, {ALL}, one core", 1e6 / whole.cpu, "events/s", Goal(25_000)),
        Figure("catch-up, all seven, one core", 1e6 / one.cpu, "events/s", Goal(25_000)),
        Figure("catch-up: two processes ÷ one, by the clock", two.rate / one.rate, "×", Goal(1.6)),
        Figure(
            "catch-up of all seven ÷ stock runners, by the clock",
            one.rate / stock_together,
            "×",
            Goal(40),
        ),
        Figure(f"rebuild, {ALL}: the log of {events:,} events", events / whole.rate, "s"),
    ]
