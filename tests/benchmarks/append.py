"""Append events: easeboard with encryption, eventsourcing, Emmett, message-db, a plain INSERT."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from queue import SimpleQueue
from threading import Barrier
from typing import Any
from uuid import uuid4

import psycopg
from psycopg_pool import ConnectionPool

from domain.event import Event
from tests.benchmarks.comparison import comparison
from tests.benchmarks.event_logs import (
    PEOPLE,
    WRITER_COUNT,
    EventLogs,
    append_metadata,
    new_events,
    open_logs,
)
from tests.benchmarks.peers.emmett import Emmett, running_emmett
from tests.benchmarks.peers.environments import PeerUnavailable
from tests.benchmarks.peers.message_db import (
    SESSION_OPTIONS,
    install_message_db,
    stream_name,
    write_messages,
)
from tests.benchmarks.report import Figure, Report, RunSize
from tests.benchmarks.rounds import Costs, Slice, alternate, measure_here

EVENTS_PER_SLICE = {
    (1, 1): 400,
    (WRITER_COUNT, 1): 1_200,
    (1, 50): 6_000,
    (WRITER_COUNT, 50): 16_000,
}
"""The events of a slice, by concurrent writers and events in each append."""
EASEBOARD, EVENTSOURCING, INSERT = "easeboard (encrypted)", "eventsourcing", "plain INSERT"
Append = Callable[[list[Event]], Any]
Contenders = dict[str, Callable[[], Slice]]


def _slice(append: Append, shape: tuple[int, int], total: int, log: EventLogs) -> Slice:
    """Measure appends of concurrent writers; the batches are created beforehand."""
    writers, size = shape
    start = Barrier(writers + 1)
    batches: SimpleQueue[list[Event]] = SimpleQueue()
    for _ in range(total // size):
        batches.put(new_events(uuid4(), size))

    def write() -> None:
        start.wait()
        while not batches.empty():
            append(batches.get())

    with ThreadPoolExecutor(writers) as threads:
        futures = [threads.submit(write) for _ in range(writers)]

        def run() -> None:
            start.wait()
            for future in futures:
                future.result()

        return measure_here(total // size * size, run, log.server)


def append_to_easeboard(log: EventLogs) -> Append:
    """Append as the event store does: encrypted with a person key, in one round trip."""
    return lambda batch: log.append(batch, append_metadata(batch[0].originator_id.int))


def append_to_eventsourcing(log: EventLogs) -> Append:
    """Append with the recorder of eventsourcing, without encryption."""
    return log.eventsourcing.put


def append_plain_rows(pool: ConnectionPool[psycopg.Connection[Any]]) -> Append:
    """Append fixed bytes with one multi-row INSERT into a copy of the table `easeboard.events`.

    This is an upper limit: nothing is encoded, encrypted or checked.
    """
    state = bytes(range(256)) + bytes(150)
    statements = {size: _insert_statement(size) for size in (1, 50)}

    def append(batch: list[Event]) -> None:
        values: list[Any] = []
        stream, command_id = batch[0].originator_id, uuid4()
        for version in range(1, len(batch) + 1):
            values += (stream, version, "Failed", "bench", command_id, PEOPLE[0], state)
        with pool.connection() as connection:
            # psycopg rewrites no placeholders here, because they are those of PostgreSQL.
            cursor = psycopg.RawCursor(connection)
            cursor.execute(statements[len(batch)], values, prepare=True)

    return append


def _insert_statement(size: int) -> bytes:
    rows = (
        "({})".format(", ".join(f"${7 * row + column}" for column in range(1, 8)))
        for row in range(size)
    )
    columns = "stream, version, topic, actor, command_id, person_id, state"
    return f"INSERT INTO bench.events ({columns}) VALUES {', '.join(rows)}".encode()  # noqa: S608  # numbers


def append_to_message_db(pool: ConnectionPool[psycopg.Connection[Any]]) -> Append:
    """Append with the functions of message-db, without encryption."""

    def append(batch: list[Event]) -> None:
        with pool.connection() as connection:
            write_messages(connection, stream_name(), len(batch))

    return append


def measure_all(size: RunSize) -> Report:
    """Measure all shapes; a peer that cannot be set up is named in a note."""
    report = Report()
    with ExitStack() as stack:
        log = stack.enter_context(open_logs())
        appends = {
            EASEBOARD: append_to_easeboard(log),
            EVENTSOURCING: append_to_eventsourcing(log),
            INSERT: append_plain_rows(stack.enter_context(_open_plain_table(log))),
        }
        emmett: Emmett | None = None
        try:
            install_message_db(log.url)
            appends["message-db"] = append_to_message_db(
                stack.enter_context(_open_pool(log.url, options=SESSION_OPTIONS))
            )
            emmett = stack.enter_context(running_emmett(log.url, log.server))
        except PeerUnavailable as why:
            report.notes.append(f"Emmett or message-db is missing: {why}")
        for shape, usual in EVENTS_PER_SLICE.items():
            total = size.choose(usual, usual // 4)
            contenders = _contenders(appends, emmett, shape, total, log)
            costs = alternate(contenders, size.choose(6, 2))
            _add_results(report, f"{shape[0]} × {shape[1]}", costs)
    return report


def _contenders(
    appends: dict[str, Append],
    emmett: Emmett | None,
    shape: tuple[int, int],
    total: int,
    log: EventLogs,
) -> Contenders:
    def contender(append: Append) -> Callable[[], Slice]:
        return lambda: _slice(append, shape, total, log)

    contenders: Contenders = {name: contender(append) for name, append in appends.items()}
    if emmett:
        arguments = {"writers": shape[0], "size": shape[1], "total": total}
        contenders["Emmett"] = lambda: emmett.execute("append", total, **arguments)
    return contenders


def _add_results(report: Report, shape: str, costs: dict[str, Costs]) -> None:
    own = costs[EASEBOARD]
    report.tables.append(comparison(f"Writers × events in an append: {shape}", costs, own))
    ratio = own.rate / costs[EVENTSOURCING].rate
    report.figures += [
        Figure(f"append {shape}: CPU of easeboard", own.cpu, "µs an event"),
        Figure(f"append {shape}: rate to eventsourcing's", ratio, "×"),
        Figure(f"append {shape}: rate to a plain INSERT", own.rate / costs[INSERT].rate, "×"),
    ]


def _open_plain_table(log: EventLogs) -> ConnectionPool[psycopg.Connection[Any]]:
    with psycopg.connect(log.url) as connection:
        connection.execute("CREATE SCHEMA bench")
        connection.execute("CREATE TABLE bench.events (LIKE easeboard.events INCLUDING ALL)")
    return _open_pool(log.url)


def _open_pool(url: str, **settings: str) -> ConnectionPool[psycopg.Connection[Any]]:
    return ConnectionPool(
        url,
        kwargs={"autocommit": True, **settings},
        min_size=WRITER_COUNT,
        max_size=WRITER_COUNT,
        open=True,
    )
