"""Missing parts of read models are created again, and foreign tables are not touched."""

from typing import Any
from uuid import uuid4

import psycopg

from infrastructure.event_store.log_reader import LogReader
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.rebuild import rebuild_read_model
from infrastructure.projection_engine.rebuild_steps import start_rebuild
from projections.registry import READ_MODELS
from tests.infrastructure.projection_engine.counting_read_model import CountingReadModel
from tests.infrastructure.projection_engine.log_builder import LogBuilder
from tests.infrastructure.projection_engine.wait_for_projections import (
    assert_live_equals_rebuilt,
    live_dump,
    live_positions,
    wait_until_all_at,
)
from tests.projections.event_builders import RandomHistory

Connection = psycopg.Connection[Any]
ASSIGNMENTS = next(model for model in READ_MODELS if model.name == "assignments")


def versions(connection: Connection) -> dict[str, list[tuple[int, str]]]:
    versions_by_name: dict[str, list[tuple[int, str]]] = {}
    for name, version, role in connection.execute(
        "SELECT name, version, role FROM easeboard.projections ORDER BY name, version"
    ):
        versions_by_name.setdefault(name, []).append((version, role))
    return versions_by_name


def test_versions_without_tables_are_created_again(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    events = RandomHistory(21).generate(200)
    head = log_builder.append(events)
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, head)
    rebuild_read_model(database_url, reader, ASSIGNMENTS)
    start_rebuild(connection, ASSIGNMENTS, uuid4())
    for name, numbers_and_roles in versions(connection).items():
        for version, _ in numbers_and_roles:
            connection.execute(f"DROP SCHEMA {name}_v{version} CASCADE")
    connection.execute("DROP SCHEMA read CASCADE")
    assert ensure_read_models(database_url, READ_MODELS) == []
    assert versions(connection) == {model.name: [(1, "live")] for model in READ_MODELS}
    assert set(live_positions(connection).values()) == {0}
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, head)
    assert_live_equals_rebuilt(connection, events)
    assert connection.execute("SELECT FROM read.assignments").fetchall()


def test_a_rebuild_without_tables_is_deleted(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    log_builder.append(RandomHistory(22).generate(20))
    ensure_read_models(database_url, [CountingReadModel()])
    rebuild, _ = start_rebuild(connection, CountingReadModel(), uuid4())
    connection.execute(f"DROP SCHEMA counting_v{rebuild.version} CASCADE")
    ensure_read_models(database_url, [CountingReadModel()])
    assert versions(connection) == {"counting": [(1, "live")]}
    assert rebuild_read_model(database_url, reader, CountingReadModel()) == 2


def test_missing_views_are_created_again_and_tables_stay(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    head = log_builder.append(RandomHistory(23).generate(200))
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, head)
    before = live_dump(connection, "assignments")
    connection.execute("DROP SCHEMA read CASCADE")
    ensure_read_models(database_url, READ_MODELS)
    assert versions(connection) == {model.name: [(1, "live")] for model in READ_MODELS}
    assert live_dump(connection, "assignments") == before
    counts = connection.execute("SELECT count(*) FROM read.assignments").fetchall()
    assert counts == [(len(before["assignments"]),)]


def test_a_foreign_schema_is_not_touched(
    database_url: str, connection: Connection, reader: LogReader
) -> None:
    connection.execute("CREATE SCHEMA counting_v1")
    connection.execute("CREATE TABLE counting_v1.foreign_table AS SELECT 42 AS answer")
    connection.execute("CREATE SCHEMA counting_v4")
    ensure_read_models(database_url, [CountingReadModel()])
    assert versions(connection) == {"counting": [(5, "live")]}
    assert rebuild_read_model(database_url, reader, CountingReadModel()) == 6
    assert connection.execute("SELECT answer FROM counting_v1.foreign_table").fetchall() == [(42,)]
