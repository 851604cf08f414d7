"""Apply a long encrypted log to each read model: easeboard, and the runner of eventsourcing.

Both use one PostgreSQL server, in one run.
"""

from contextlib import ExitStack, closing
from time import perf_counter
from typing import Any, NamedTuple
from uuid import uuid4

import psycopg

from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.projection_engine.apply_batch import apply_next_batch
from infrastructure.projection_engine.batch_size import AdaptiveBatchSize
from infrastructure.projection_engine.ensure_versions import ensure_versions
from infrastructure.projection_engine.prefetch import Prefetcher
from infrastructure.projection_engine.read_model import subscribed_topics
from infrastructure.projection_engine.versions import VersionStatus, connect, live_versions
from projections.registry import READ_MODELS, RegisteredReadModel
from tests.benchmarks.event_logs import open_logs
from tests.benchmarks.eventsourcing_projection import open_eventsourcing_log
from tests.projections.semesters import generate_semesters

EVENT_COUNT = 200_000
EVENTSOURCING_EVENT_COUNT = 6_000
COUNT_EVENTS_SQL = """
SELECT count(*)
  FROM easeboard.events
 WHERE topic = ANY(%s)
"""


class CatchUpResult(NamedTuple):
    """The number of applied events, and the seconds for the whole log."""

    events: int
    seconds: float


def write_log(url: str, mapper: Mapper, total: int) -> None:
    """Fill the event log with COPY; each event is encrypted with the key of its person."""
    columns = "stream, version, topic, recorded_at, actor, command_id, person_id, state"
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        with cursor.copy(f"COPY easeboard.events ({columns}) FROM STDIN") as copy:
            for recorded in generate_semesters(total):
                (row,) = mapper.to_stored_events([recorded.event], recorded.person_id)
                metadata = ("benchmark", uuid4(), recorded.person_id)
                copy.write_row((*row[:3], recorded.recorded_at, *metadata, row.state))
        cursor.execute("ANALYZE easeboard.events")


def catch_up(
    connection: psycopg.Connection[Any], reader: LogReader, model: RegisteredReadModel
) -> CatchUpResult:
    """Apply the whole log to one read model, as the projection daemon does."""
    ensure_versions(connection, [model])
    (checkpoint,) = live_versions(connection, [model])
    batch_size, place = AdaptiveBatchSize(), reader.safe_place()
    started_at = perf_counter()
    with closing(Prefetcher(reader)) as log:
        while checkpoint.position < place.position:
            with batch_size as limit:
                result = apply_next_batch(connection, [checkpoint], log, place, limit)
            checkpoint = VersionStatus(model, checkpoint.version, result.up_to)
    seconds = perf_counter() - started_at
    topics = subscribed_topics([model])
    ((event_count,),) = connection.execute(COUNT_EVENTS_SQL, [topics]).fetchall()
    return CatchUpResult(event_count, seconds)


def main(*, quick: bool = False) -> None:
    """Print the events a second for each read model, and the ratios.

    `easeboard/s` counts the applied events, `log/s` all events of the log.
    """
    event_count, eventsourcing_event_count = (
        (20_000, 2_000) if quick else (EVENT_COUNT, EVENTSOURCING_EVENT_COUNT)
    )
    with ExitStack() as stack:
        log = stack.enter_context(open_logs())
        connection = stack.enter_context(connect(log.url))
        eventsourcing = stack.enter_context(
            open_eventsourcing_log(log.url, list(generate_semesters(eventsourcing_event_count)))
        )
        write_log(log.url, log.mapper, event_count)
        reader = LogReader(log.pool, log.mapper)
        print(f"{f'{event_count:,} events':>18}{'applied':>10}{'easeboard/s':>13}", end="")
        print(f"{'log/s':>10}{'eventsourcing/s':>17}  easeboard is")
        for model in READ_MODELS:
            eventsourcing_rate = eventsourcing.rate(model)
            applied, seconds = catch_up(connection, reader, model)
            rate = applied / seconds
            print(
                f"{model.name:>18}{applied:>10,}{rate:>13,.0f}{event_count / seconds:>10,.0f}"
                f"{eventsourcing_rate:>17,.0f}  {rate / eventsourcing_rate:.1f} x eventsourcing",
                flush=True,
            )


if __name__ == "__main__":
    main()
