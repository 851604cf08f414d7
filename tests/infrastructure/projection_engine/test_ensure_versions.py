"""Whatever of the read models is gone begins anew, and what is somebody else's stays."""

from typing import Any
from uuid import uuid4

import psycopg

from infrastructure.event_store.log_reader import LogReader
from infrastructure.projection_engine.daemon import Follower
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.rebuild import rebuild
from infrastructure.projection_engine.rebuild_steps import break_ground
from projections.registry import READ_MODELS
from tests.infrastructure.projection_engine.counting_read_model import Tally
from tests.infrastructure.projection_engine.log_builder import WrittenLog
from tests.infrastructure.projection_engine.wait_for_projections import (
    assert_live_is_rebuilt,
    live_dump,
    positions,
    until_all_at,
)
from tests.projections.event_builders import Wanderer

Connection = psycopg.Connection[Any]
ASSIGNMENTS = next(model for model in READ_MODELS if model.name == "assignments")


def versions(connection: Connection) -> dict[str, list[tuple[int, str]]]:
    found: dict[str, list[tuple[int, str]]] = {}
    for name, version, role in connection.execute(
        "SELECT name, version, role FROM easeboard.projections ORDER BY name, version"
    ):
        found.setdefault(name, []).append((version, role))
    return found


def test_versions_without_tables_begin_anew(
    database_url: str, connection: Connection, reader: LogReader, written: WrittenLog
) -> None:
    events = Wanderer(21).walk(200)
    head = written.append(events)
    with Follower(database_url, reader, READ_MODELS):
        until_all_at(connection, head)
    rebuild(database_url, reader, ASSIGNMENTS)
    break_ground(connection, ASSIGNMENTS, uuid4())
    for name, kept in versions(connection).items():
        for version, _ in kept:
            connection.execute(f"DROP SCHEMA {name}_v{version} CASCADE")
    connection.execute("DROP SCHEMA read CASCADE")
    assert ensure_read_models(database_url, READ_MODELS) == []
    assert versions(connection) == {model.name: [(1, "live")] for model in READ_MODELS}
    assert set(positions(connection).values()) == {0}
    with Follower(database_url, reader, READ_MODELS):
        until_all_at(connection, head)
    assert_live_is_rebuilt(connection, events)
    assert connection.execute("SELECT FROM read.assignments").fetchall()


def test_a_rebuild_whose_tables_are_gone_is_no_more(
    database_url: str, connection: Connection, reader: LogReader, written: WrittenLog
) -> None:
    written.append(Wanderer(22).walk(20))
    ensure_read_models(database_url, [Tally()])
    site, _ = break_ground(connection, Tally(), uuid4())
    connection.execute(f"DROP SCHEMA tally_v{site.version} CASCADE")
    ensure_read_models(database_url, [Tally()])
    assert versions(connection) == {"tally": [(1, "live")]}
    assert rebuild(database_url, reader, Tally()) == 2


def test_views_that_are_gone_are_back_and_the_tables_stay(
    database_url: str, connection: Connection, reader: LogReader, written: WrittenLog
) -> None:
    head = written.append(Wanderer(23).walk(200))
    with Follower(database_url, reader, READ_MODELS):
        until_all_at(connection, head)
    before = live_dump(connection, "assignments")
    connection.execute("DROP SCHEMA read CASCADE")
    ensure_read_models(database_url, READ_MODELS)
    assert versions(connection) == {model.name: [(1, "live")] for model in READ_MODELS}
    assert live_dump(connection, "assignments") == before
    shown = connection.execute("SELECT count(*) FROM read.assignments").fetchall()
    assert shown == [(len(before["assignments"]),)]


def test_a_schema_of_somebody_else_is_left_alone(
    database_url: str, connection: Connection, reader: LogReader
) -> None:
    connection.execute("CREATE SCHEMA tally_v1")
    connection.execute("CREATE TABLE tally_v1.theirs AS SELECT 42 AS answer")
    connection.execute("CREATE SCHEMA tally_v4")
    ensure_read_models(database_url, [Tally()])
    assert versions(connection) == {"tally": [(5, "live")]}
    assert rebuild(database_url, reader, Tally()) == 6
    assert connection.execute("SELECT answer FROM tally_v1.theirs").fetchall() == [(42,)]
