"""Append events: easeboard with encryption, eventsourcing, and a plain multi-row INSERT."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from statistics import median
from threading import Barrier
from time import perf_counter
from typing import Any
from uuid import uuid4

import psycopg
from psycopg_pool import ConnectionPool

from domain.event import Event
from tests.benchmarks.event_logs import (
    PEOPLE,
    WRITER_COUNT,
    EventLogs,
    append_metadata,
    new_events,
    open_logs,
)

EVENT_COUNTS = {
    (1, 1): 1_500,
    (WRITER_COUNT, 1): 4_000,
    (1, 50): 20_000,
    (WRITER_COUNT, 50): 60_000,
}
"""The total of events, by concurrent writers and events in each append."""

Append = Callable[[list[Event]], Any]


def measure_rate(append: Append, writers: int, size: int, total: int) -> float:
    """Measure events a second with concurrent writers; the batches are created beforehand."""
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
        start.wait()
        started_at = perf_counter()
        for future in futures:
            future.result()
        return total / (perf_counter() - started_at)


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


def main(*, quick: bool = False) -> None:
    """Print rates and their ratios, each the median of alternating rounds."""
    with open_logs() as log, _open_plain_table(log) as pool:
        contenders = {
            "eventsourcing": append_to_eventsourcing(log),
            "easeboard": append_to_easeboard(log),
            "insert": append_plain_rows(pool),
        }
        print(f"{'writers x events':>18}{'eventsourcing/s':>17}{'easeboard/s':>13}", end="")
        print(f"{'INSERT/s':>10}  easeboard is")
        for (writers, size), total in EVENT_COUNTS.items():
            rates: dict[str, list[float]] = {name: [] for name in contenders}
            for _ in range(1 if quick else 5):
                for name, append in contenders.items():
                    rates[name].append(
                        measure_rate(append, writers, size, total // (4 if quick else 1))
                    )
            _print_row(f"{writers} x {size}", *(median(each) for each in rates.values()))


def _print_row(shape: str, eventsourcing: float, easeboard: float, insert: float) -> None:
    ratios = f"{easeboard / eventsourcing:.1f} x eventsourcing, {easeboard / insert:.2f} x INSERT"
    rates = f"{eventsourcing:17,.0f}{easeboard:13,.0f}{insert:10,.0f}"
    print(f"{shape:>18}{rates}  {ratios}", flush=True)


def _open_plain_table(log: EventLogs) -> ConnectionPool[psycopg.Connection[Any]]:
    with psycopg.connect(log.url) as connection:
        connection.execute("CREATE SCHEMA bench")
        connection.execute("CREATE TABLE bench.events (LIKE easeboard.events INCLUDING ALL)")
    return ConnectionPool(
        log.url,
        kwargs={"autocommit": True},
        min_size=WRITER_COUNT,
        max_size=WRITER_COUNT,
        open=True,
    )


if __name__ == "__main__":
    main()
