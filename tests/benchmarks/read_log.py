"""Read the event log: easeboard with decryption, eventsourcing, and plain rows of JSON."""

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any
from uuid import uuid4

import orjson
import psycopg

from infrastructure.event_store.log_reader import LogReader
from tests.benchmarks.event_logs import EventLogs, append_metadata, new_events, open_logs

BATCH_SIZE = 1_000
TOPICS = ["CourseFetchFailed"]

ReadBatch = Callable[[int], int]
"""Reads the batch after a position, and returns the last position of the batch."""


def measure_rate(read: ReadBatch, total: int) -> float:
    """Measure events a second over the whole log."""
    started_at, position, batches = perf_counter(), 0, 0
    while batches * BATCH_SIZE < total:
        position = read(position)
        batches += 1
    return total / (perf_counter() - started_at)


def read_easeboard_log(log: EventLogs) -> ReadBatch:
    """Read events as projectors receive them, decrypted."""
    reader = LogReader(log.pool, log.mapper)
    high_water_mark = reader.high_water_mark()
    return lambda after: reader.read(after, high_water_mark, TOPICS, BATCH_SIZE).up_to


def read_eventsourcing_log(log: EventLogs) -> ReadBatch:
    """Read events as the runner of eventsourcing receives them; they are not encrypted."""
    recorder: Any = log.eventsourcing.recorder

    def read(after: int) -> int:
        notifications = recorder.select_notifications(after + 1, BATCH_SIZE, topics=TOPICS)
        for notification in notifications:
            log.eventsourcing.mapper.to_domain_event(notification)
        return int(notifications[-1].id)

    return read


def read_plain_rows(connection: psycopg.Connection[Any]) -> ReadBatch:
    """Read rows and decode their JSON, without building events."""

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
    """Print rates and their ratios, each the median of alternating rounds."""
    total = 5_000 if quick else 40_000
    with open_logs() as log, psycopg.connect(log.url, autocommit=True) as connection:
        _fill(log, connection, total)
        contenders = {
            "eventsourcing": read_eventsourcing_log(log),
            "easeboard": read_easeboard_log(log),
            "rows": read_plain_rows(connection),
        }
        rates: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(1 if quick else 5):
            for name, read in contenders.items():
                rates[name].append(measure_rate(read, total))
    eventsourcing_rate, easeboard_rate, plain_rate = (median(each) for each in rates.values())
    print(f"{'eventsourcing/s':>17}{'easeboard/s':>13}{'rows/s':>10}  easeboard is")
    print(f"{eventsourcing_rate:17,.0f}{easeboard_rate:13,.0f}{plain_rate:10,.0f}", end="")
    print(f"  {easeboard_rate / eventsourcing_rate:.1f} x eventsourcing", end="")
    print(f", {easeboard_rate / plain_rate:.2f} x rows", flush=True)


def _fill(log: EventLogs, connection: psycopg.Connection[Any], total: int) -> None:
    connection.execute("CREATE SCHEMA bench")
    connection.execute("CREATE TABLE bench.plain (LIKE easeboard.events INCLUDING ALL)")
    for nth in range(total // 100):
        batch = new_events(uuid4(), 100)
        log.append(batch, append_metadata(nth))
        log.eventsourcing.put(batch)
    plain = log.eventsourcing.mapper.to_stored_event(new_events(uuid4(), 1)[0]).state
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
