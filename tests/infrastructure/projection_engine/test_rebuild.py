"""A rebuild creates the same tables beside the live ones, without effect on clients."""

import threading
from dataclasses import replace
from itertools import islice
from typing import Any, Self
from uuid import uuid4

import psycopg
import pytest
from psycopg.errors import UndefinedTable

from infrastructure.event_store.log_reader import LogReader
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.read_model import subscribed_topics
from infrastructure.projection_engine.rebuild import RebuildProgress, rebuild_read_model
from infrastructure.projection_engine.rebuild_heartbeat import rebuild_heartbeat
from infrastructure.projection_engine.rebuild_steps import (
    RebuildLost,
    RebuildRefused,
    apply_rebuild_batch,
    cut_over,
    start_rebuild,
)
from projections.registry import READ_MODELS
from tests.infrastructure.projection_engine.counting_read_model import CountingReadModel
from tests.infrastructure.projection_engine.log_builder import LogBuilder
from tests.infrastructure.projection_engine.wait_for_projections import (
    assert_live_equals_rebuilt,
    live_positions,
    wait_until,
    wait_until_all_at,
)
from tests.projections.event_builders import RandomHistory

Connection = psycopg.Connection[Any]
ASSIGNMENTS = next(model for model in READ_MODELS if model.name == "assignments")


def _versions(connection: Connection, name: str) -> list[tuple[int, str]]:
    return connection.execute(
        "SELECT version, role FROM easeboard.projections WHERE name = %s ORDER BY version", [name]
    ).fetchall()


def _schemas(connection: Connection, name: str) -> list[str]:
    cursor = connection.execute(
        "SELECT nspname FROM pg_namespace WHERE nspname LIKE %s ORDER BY nspname", [f"{name}_v%"]
    )
    return [schema for (schema,) in cursor]


class ConcurrentReaders:
    """Two threads that repeat one query until the context ends."""

    def __init__(self, url: str, query: str) -> None:
        self._url, self._query = url, query
        self._stop = threading.Event()
        self.results: list[list[Any]] = []
        self.errors: list[Exception] = []
        self._threads = [threading.Thread(target=self._run_query) for _ in range(2)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run_query(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._stop.is_set():
                try:
                    self.results.append(connection.execute(self._query).fetchall())
                except psycopg.Error as error:
                    self.errors.append(error)


def test_clients_can_read_everything_during_a_rebuild(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    history = RandomHistory(11, people=1, accounts=6)
    log_builder.append(history.generate(200))
    query = "SELECT a.assignment_id FROM read.assignments AS a ORDER BY a.assignment_id"
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, log_builder.head())
        with ConcurrentReaders(database_url, query) as readers:
            for _ in range(5):
                rebuild_read_model(database_url, reader, ASSIGNMENTS)
                count_before = len(readers.results)
                wait_until(lambda count_before=count_before: len(readers.results) > count_before)  # type: ignore[misc]  # bound early
        assert readers.errors == []
        assert {len(result) for result in readers.results} == {len(readers.results[0])}
        assert readers.results[0]
    assert _versions(connection, "assignments") == [(5, "retired"), (6, "live")]
    assert _schemas(connection, "assignments") == ["assignments_v5", "assignments_v6"]


def test_the_live_version_is_updated_while_the_new_one_catches_up(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    events = RandomHistory(12).generate(400)
    log_builder.append(events[:150])
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, log_builder.head())
        remaining = iter(events[150:])

        def append_more(_: RebuildProgress) -> None:
            log_builder.append(list(islice(remaining, 40)))

        for model in READ_MODELS:
            rebuild_read_model(database_url, reader, model, append_more)
        log_builder.append(list(remaining))
        wait_until_all_at(connection, log_builder.head())
    assert_live_equals_rebuilt(connection, events)
    assert _versions(connection, "grades") == [(1, "retired"), (2, "live")]


def test_cut_over_happens_at_the_live_position_and_only_within_the_lag_limit(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    events = RandomHistory(18, people=20).generate(1_500)
    first_head = log_builder.append(events[:400])
    ensure_read_models(database_url, READ_MODELS)
    builder = uuid4()
    rebuild, _ = start_rebuild(connection, ASSIGNMENTS, builder)
    apply_rebuild_batch(
        connection,
        rebuild,
        0,
        reader.read(0, reader.high_water_mark(), subscribed_topics([ASSIGNMENTS]), 10_000),
    )
    with (
        rebuild_heartbeat(database_url, builder),
        ProjectionDaemon(database_url, reader, READ_MODELS),
    ):
        second_head = log_builder.append(events[400:1_000])
        wait_until_all_at(connection, second_head)
    assert cut_over(connection, rebuild, first_head, reader) is False
    start = second_head - 300
    apply_rebuild_batch(
        connection,
        rebuild,
        first_head,
        reader.read(first_head, start, subscribed_topics([ASSIGNMENTS]), 10_000),
    )
    assert cut_over(connection, rebuild, start, reader) is True
    assert live_positions(connection)["assignments"] == second_head
    assert_live_equals_rebuilt(connection, events[:1_000])


def test_progress_is_reported(
    database_url: str, reader: LogReader, log_builder: LogBuilder
) -> None:
    head = log_builder.append(RandomHistory(13).generate(100))
    ensure_read_models(database_url, READ_MODELS)
    reported: list[RebuildProgress] = []
    rebuild_read_model(database_url, reader, ASSIGNMENTS, reported.append)
    assert reported[-1].done == reported[-1].total == head
    assert reported[-1].rate > 0
    assert reported[-1].eta_seconds == 0


def test_two_rebuilds_at_once_are_refused(
    database_url: str, connection: Connection, reader: LogReader
) -> None:
    ensure_read_models(database_url, [CountingReadModel()])
    start_rebuild(connection, CountingReadModel(), uuid4())
    with pytest.raises(RebuildRefused, match="counting is being rebuilt already"):
        rebuild_read_model(database_url, reader, CountingReadModel())


def test_a_missing_read_model_cannot_be_rebuilt(database_url: str, reader: LogReader) -> None:
    with pytest.raises(RebuildRefused, match="no read model counting"):
        rebuild_read_model(database_url, reader, CountingReadModel())


def test_an_interrupted_rebuild_is_continued(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    events = RandomHistory(14).generate(200)
    head = log_builder.append(events)
    ensure_read_models(database_url, READ_MODELS)
    rebuild, start = start_rebuild(connection, ASSIGNMENTS, uuid4())
    batch = reader.read(start, reader.high_water_mark(), subscribed_topics([ASSIGNMENTS]), 20)
    apply_rebuild_batch(connection, rebuild, start, batch)
    connection.execute(
        "UPDATE easeboard.projections SET builder_seen_at = builder_seen_at - interval '16 s'"
    )
    reported: list[RebuildProgress] = []
    assert rebuild_read_model(database_url, reader, ASSIGNMENTS, reported.append) == rebuild.version
    assert live_positions(connection)["assignments"] == head
    with pytest.raises(RebuildLost):
        apply_rebuild_batch(connection, rebuild, batch.up_to, batch)
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, head)
    assert_live_equals_rebuilt(connection, events)


def test_a_failed_rebuild_records_its_error_and_can_be_retried_at_once(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    log_builder.append(RandomHistory(15).generate(30))
    model = CountingReadModel()
    ensure_read_models(database_url, [model])
    model.is_failing.set()
    with pytest.raises(UndefinedTable):
        rebuild_read_model(database_url, reader, model)
    rows = connection.execute(
        "SELECT error FROM easeboard.projections WHERE role = 'building' ORDER BY name"
    ).fetchall()
    assert rows[0][0].startswith(
        "UndefinedTable (42P01) in projection_engine/counting_read_model.py"
    )
    model.is_failing.clear()
    assert rebuild_read_model(database_url, reader, model) == 2
    assert _versions(connection, "counting") == [(1, "retired"), (2, "live")]


def test_newer_code_rebuilds_automatically_and_older_code_does_not(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    events = RandomHistory(16).generate(100)
    head = log_builder.append(events[:50])
    old = CountingReadModel()
    new = replace(
        old,
        version=2,
        schema_sql="CREATE TABLE counted (position bigint PRIMARY KEY, extra text);",
        tables=("counted",),
    )
    with ProjectionDaemon(database_url, reader, [old]):
        wait_until(lambda: live_positions(connection) == {"counting": head})
    with ProjectionDaemon(database_url, reader, [new]):
        wait_until(lambda: _versions(connection, "counting") == [(1, "retired"), (2, "live")])
        second_head = log_builder.append(events[50:])
        wait_until(lambda: live_positions(connection) == {"counting": second_head})
    rows = connection.execute("SELECT position, extra FROM read.counted ORDER BY 1").fetchall()
    assert rows
    assert ensure_read_models(database_url, [old]) == []
