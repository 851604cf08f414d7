"""Reading the log back: ours, opening the seals, beside stock eventsourcing and bare rows."""

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any
from uuid import uuid4

import orjson
import psycopg

from infrastructure.event_store.log_reader import LogReader
from tests.benchmarks.logs import Logs, circumstances, events, logs

BATCH = 1_000
TOPICS = ["CourseFetchFailed"]

Read = Callable[[int], int]
"""Reads the next batch after a position and returns the last position of it."""


def rate(read: Read, total: int) -> float:
    """Events a second over the whole log."""
    began, position, batches = perf_counter(), 0, 0
    while batches * BATCH < total:
        position = read(position)
        batches += 1
    return total / (perf_counter() - began)


def ours(log: Logs) -> Read:
    """Events as projectors get them, their seals opened."""
    reader = LogReader(log.pool, log.mapper)
    safe = reader.safe()
    return lambda after: reader.read(after, safe, TOPICS, BATCH).upto


def stock(log: Logs) -> Read:
    """Events as eventsourcing's runner gets them, never sealed."""
    recorder: Any = log.stock.recorder

    def read(after: int) -> int:
        found = recorder.select_notifications(after + 1, BATCH, topics=TOPICS)
        for notification in found:
            log.stock.mapper.to_domain_event(notification)
        return int(found[-1].id)

    return read


def rows(connection: psycopg.Connection[Any]) -> Read:
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
            [after, BATCH],
            binary=True,
        )
        found = cursor.fetchall()
        for row in found:
            orjson.loads(row[6])
        return int(found[-1][0])

    return read


def main(*, quick: bool = False) -> None:
    """Print rates and ratios of one run: medians of alternating rounds."""
    total = 5_000 if quick else 40_000
    with logs() as log, psycopg.connect(log.url, autocommit=True) as connection:
        _fill(log, connection, total)
        contenders = {"stock": stock(log), "ours": ours(log), "rows": rows(connection)}
        rates: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(1 if quick else 5):
            for name, read in contenders.items():
                rates[name].append(rate(read, total))
    theirs, sealed, bare = (median(each) for each in rates.values())
    print(f"{'stock/s':>10}{'ours/s':>10}{'rows/s':>10}  ours is")
    ratios = f"{sealed / theirs:.1f} x stock, {sealed / bare:.2f} x rows"
    print(f"{theirs:10,.0f}{sealed:10,.0f}{bare:10,.0f}  {ratios}", flush=True)


def _fill(log: Logs, connection: psycopg.Connection[Any], total: int) -> None:
    connection.execute("CREATE SCHEMA bench")
    connection.execute("CREATE TABLE bench.plain (LIKE easeboard.events INCLUDING ALL)")
    for nth in range(total // 100):
        batch = events(uuid4(), 100)
        log.append(batch, circumstances(nth))
        log.stock.put(batch)
    plain = log.stock.mapper.to_stored_event(events(uuid4(), 1)[0]).state
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
