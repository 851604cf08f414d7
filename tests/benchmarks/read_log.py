"""Read the log and a stream: easeboard with decryption, eventsourcing, Emmett, message-db, rows."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from uuid import UUID, uuid4

import orjson
import psycopg

from infrastructure.event_store.log_reader import LogReader
from tests.benchmarks.comparison import comparison
from tests.benchmarks.event_logs import EventLogs, append_metadata, new_events, open_logs
from tests.benchmarks.peers.emmett import running_emmett
from tests.benchmarks.peers.environments import PeerUnavailable
from tests.benchmarks.peers.message_db import (
    SESSION_OPTIONS,
    install_message_db,
    read_messages,
    stream_name,
    write_messages,
)
from tests.benchmarks.report import Figure, Report, RunSize
from tests.benchmarks.rounds import Costs, Slice, alternate, measure_here

BATCH_SIZE = 1_000
STREAM_EVENTS = 1_000
STREAM_READS = 5
EVENTSOURCING_BATCH = 100
"""Its recorder can wait for ever for the database when it inserts 1,000 events at once."""
TOPICS = ["CourseFetchFailed"]
EASEBOARD, EVENTSOURCING, ROWS = "easeboard (decrypted)", "eventsourcing", "plain rows, orjson"

ReadBatch = Callable[[int], int]
"""Reads the batch after a position, and returns the last position of the batch."""
Contenders = dict[str, Callable[[], Slice]]


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


def measure_all(size: RunSize) -> Report:
    """Measure reads of the whole log, and of one stream of 1,000 events."""
    report = Report()
    total = size.choose(30_000, 5_000)
    with ExitStack() as stack:
        log = stack.enter_context(open_logs())
        connection = stack.enter_context(psycopg.connect(log.url, autocommit=True))
        _fill(log, connection, total)
        reads = {
            EASEBOARD: read_easeboard_log(log),
            EVENTSOURCING: read_eventsourcing_log(log),
            ROWS: read_plain_rows(connection),
        }
        costs = alternate(_whole_log(reads, total, log), size.choose(6, 2))
        _add_results(report, "the log, in batches of 1,000", costs)
        contenders = _own_streams(log) | _peer_streams(report, stack, log)
        costs = alternate(contenders, size.choose(8, 2))
        _add_results(report, f"a stream of {STREAM_EVENTS:,} events", costs)
    return report


def _whole_log(reads: dict[str, ReadBatch], total: int, log: EventLogs) -> Contenders:
    def contender(read: ReadBatch) -> Callable[[], Slice]:
        def run() -> None:
            position = 0
            for _ in range(total // BATCH_SIZE):
                position = read(position)

        return lambda: measure_here(total, run, log.server)

    return {name: contender(read) for name, read in reads.items()}


def _own_streams(log: EventLogs) -> Contenders:
    """Read one stream with the mapper of easeboard, and with that of eventsourcing."""
    stream = uuid4()
    batch = new_events(stream, STREAM_EVENTS)
    log.append(batch, append_metadata(1))
    for start in range(0, STREAM_EVENTS, EVENTSOURCING_BATCH):
        log.eventsourcing.put(batch[start : start + EVENTSOURCING_BATCH])
    return {
        EASEBOARD: lambda: _repeat(lambda: _read_easeboard_stream(log, stream), log),
        EVENTSOURCING: lambda: _repeat(lambda: list(log.eventsourcing.get(stream)), log),
    }


def _read_easeboard_stream(log: EventLogs, stream: UUID) -> None:
    """Read a stream as auditors and aggregates do; they share the mapper."""
    with log.pool.connection() as connection:
        rows = connection.execute(
            """
            SELECT stream, version, topic, state, recorded_at, person_id, position
              FROM easeboard.events
             WHERE stream = %s
             ORDER BY version
            """,
            [stream],
            binary=True,
        ).fetchall()
    if len(log.mapper.to_events(rows)) != STREAM_EVENTS:
        raise AssertionError("The stream has lost events.")


def _peer_streams(report: Report, stack: ExitStack, log: EventLogs) -> Contenders:
    try:
        install_message_db(log.url)
        emmett = stack.enter_context(running_emmett(log.url, log.server))
    except PeerUnavailable as why:
        report.notes.append(f"Emmett or message-db is missing: {why}")
        return {}
    connection = stack.enter_context(
        psycopg.connect(log.url, autocommit=True, options=SESSION_OPTIONS)
    )
    written, emmett_stream = stream_name(), f"{uuid4()}"
    write_messages(connection, written, STREAM_EVENTS)
    emmett.execute("fill", STREAM_EVENTS, stream=emmett_stream, total=STREAM_EVENTS)

    def read_message_db() -> None:
        for row in read_messages(connection, written):
            orjson.loads(row[5])

    arguments = {"stream": emmett_stream, "repeats": STREAM_READS}
    units = STREAM_EVENTS * STREAM_READS
    return {
        "message-db, orjson": lambda: _repeat(read_message_db, log),
        "Emmett": lambda: emmett.execute("read_stream", units, **arguments),
    }


def _repeat(read: Callable[[], object], log: EventLogs) -> Slice:
    def run() -> None:
        for _ in range(STREAM_READS):
            read()

    return measure_here(STREAM_EVENTS * STREAM_READS, run, log.server)


def _add_results(report: Report, what: str, costs: dict[str, Costs]) -> None:
    own = costs[EASEBOARD]
    report.tables.append(comparison(f"Read {what}", costs, own))
    ratio = own.rate / costs[EVENTSOURCING].rate
    report.figures += [
        Figure(f"read {what}: CPU of easeboard", own.cpu, "µs an event"),
        Figure(f"read {what}: rate to eventsourcing's", ratio, "×"),
    ]


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
