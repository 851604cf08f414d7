"""Reading the log back: ours, opening the seals, beside stock eventsourcing and bare rows."""

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any
from uuid import uuid4

import orjson
import psycopg

from infrastructure.event_store.log_reader import LogReader
from tests.benchmarks.logs import EventLogs, append_metadata, new_events, open_logs

BATCH_SIZE = 1_000
TOPICS = ["CourseFetchFailed"]

ReadBatch = Callable[[int], int]
"""Reads the next batch after a position and returns the last position of it."""


def measure_rate(read: ReadBatch, total: int) -> float:
    """Events a second over the whole log."""
    started_at, position, batches = perf_counter(), 0, 0
    while batches * BATCH_SIZE < total:
        position = read(position)
        batches += 1
    return total / (perf_counter() - started_at)


def read_our_log(log: EventLogs) -> ReadBatch:
    """Events as projectors get them, their seals opened."""
    reader = LogReader(log.pool, log.mapper)
    high_water_mark = reader.high_water_mark()
    return lambda after: reader.read(after, high_water_mark, TOPICS, BATCH_SIZE).up_to


def read_stock_log(log: EventLogs) -> ReadBatch:
    """Events as eventsourcing's runner gets them, never sealed."""
    recorder: Any = log.stock.recorder

    def read(after: int) -> int:
        notifications = recorder.select_notifications(after + 1, BATCH_SIZE, topics=TOPICS)
        for notification in notifications:
            log.stock.mapper.to_domain_event(notification)
        return int(notifications[-1].id)

    return read


def read_plain_rows(connection: psycopg.Connection[Any]) -> ReadBatch:
    """Bare rows of plain JSON, decoded and made into nothing."""

    def read(after: int) -> int:
        cursor = connection.execute(
            """
            SELECT position, stream, version, topic, recorded_at, person_id, state
              FROM bench.plain
             WHERE position > %s
             ORDER BY position
             LIMIT %s
            """,
            [after, BATCH_SIZE],
            binary=True,
        )
        fetched = cursor.fetchall()
        for row in fetched:
            orjson.loads(row[6])
        return int(fetched[-1][0])

    return read


def main(*, quick: bool = False) -> None:
    """Print rates and ratios of one run: medians of alternating rounds."""
    total = 5_000 if quick else 40_000
    with open_logs() as log, psycopg.connect(log.url, autocommit=True) as connection:
        _fill(log, connection, total)
        contenders = {
            "stock": read_stock_log(log),
            "ours": read_our_log(log),
            "rows": read_plain_rows(connection),
        }
        rates: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(1 if quick else 5):
            for name, read in contenders.items():
                rates[name].append(measure_rate(read, total))
    stock_rate, our_rate, plain_rate = (median(each) for each in rates.values())
    print(f"{'stock/s':>10}{'ours/s':>10}{'rows/s':>10}  ours is")
    ratios = f"{our_rate / stock_rate:.1f} x stock, {our_rate / plain_rate:.2f} x rows"
    print(f"{stock_rate:10,.0f}{our_rate:10,.0f}{plain_rate:10,.0f}  {ratios}", flush=True)


def _fill(log: EventLogs, connection: psycopg.Connection[Any], total: int) -> None:
    connection.execute("CREATE SCHEMA bench")
    connection.execute("CREATE TABLE bench.plain (LIKE easeboard.events INCLUDING ALL)")
    for nth in range(total // 100):
        batch = new_events(uuid4(), 100)
        log.append(batch, append_metadata(nth))
        log.stock.put(batch)
    plain = log.stock.mapper.to_stored_event(new_events(uuid4(), 1)[0]).state
    connection.execute(
        """
        INSERT INTO bench.plain (position, stream, version, topic, actor, command_id, person_id,
                                 state)
        SELECT position, stream, version, topic, actor, command_id, person_id, %s
          FROM easeboard.events
         ORDER BY position
        """,
        [plain],
        binary=True,
    )
    connection.execute("ANALYZE")


if __name__ == "__main__":
    main()
