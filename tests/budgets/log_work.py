"""Work of the event log and the projectors: append, read, project."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql

from domain.recorded_event import RecordedEvent
from infrastructure.event_store.log_reader import LogReader
from projections.registry import READ_MODELS, RegisteredReadModel
from tests.benchmarks.event_logs import EventLogs, append_metadata, new_events, open_logs
from tests.budgets.budget import MeasureSlice, WorkSlice
from tests.projections.semesters import generate_semesters

EVENTS_OF_PROJECTORS = 1_500
EVENTS_READ = 1_000


def _slice(units: float, run: Callable[[], object]) -> WorkSlice:
    started_at = time.process_time()
    run()
    return WorkSlice(units, time.process_time() - started_at)


@contextmanager
def open_log_work() -> Iterator[dict[str, MeasureSlice]]:
    """Start a PostgreSQL server; yield what is measured with it."""
    with open_logs() as log, psycopg.connect(log.url, autocommit=True) as connection:
        work: dict[str, MeasureSlice] = {
            # The cheapest of many short rounds: a process that waits for each commit runs on cold
            # caches when the machine is busy.
            "append one event": lambda: min(_append(log, size=1, count=8) for _ in range(8)),
            "append 50 events, each": lambda: min(_append(log, size=50, count=5) for _ in range(4)),
        }
        _append(log, size=50, count=EVENTS_READ // 50)
        reader = LogReader(log.pool, log.mapper)
        work["read an event of the log"] = lambda: _read(reader)
        events = list(generate_semesters(EVENTS_OF_PROJECTORS))
        for model in READ_MODELS:
            work[f"project an event: {model.name}"] = _projector_work(connection, model, events)
        yield work


def _append(log: EventLogs, *, size: int, count: int) -> WorkSlice:
    batches = [new_events(uuid4(), size) for _ in range(count)]

    def run() -> None:
        for nth, batch in enumerate(batches):
            log.append(batch, append_metadata(nth))

    return _slice(size * count, run)


def _read(reader: LogReader) -> WorkSlice:
    topics, mark = ["CourseFetchFailed"], reader.high_water_mark()
    return _slice(EVENTS_READ, lambda: reader.read(0, mark, topics, EVENTS_READ))


def _projector_work(
    connection: psycopg.Connection[Any], model: RegisteredReadModel, events: list[RecordedEvent]
) -> MeasureSlice:
    """Apply the same batch to empty tables in each slice."""
    subscribed = [each for each in events if type(each.event) in model.subscribes_to]
    schema = sql.Identifier(f"budget_{model.name}")
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))

    def measure() -> WorkSlice:
        with connection.transaction(force_rollback=True), connection.cursor() as cursor:
            cursor.execute(sql.SQL("SET LOCAL search_path = {}").format(schema))
            cursor.execute(model.schema_sql)
            return _slice(len(subscribed), lambda: model.project(subscribed, cursor))

    return measure
