"""A paused read model stands still; a rollback makes the earlier version live."""

from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from domain.events import CourseFetched
from domain.recorded_event import RecordedEvent
from infrastructure.event_store.log_reader import LogReader
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.letter_actions import LetterActions
from infrastructure.projection_engine.pause import pause_projection, resume_projection
from infrastructure.projection_engine.rebuild import rebuild_read_model
from infrastructure.projection_engine.rebuild_steps import RebuildRefused, start_rebuild
from infrastructure.projection_engine.rollback import RollbackRefused, reopen_retired, roll_back
from infrastructure.projection_engine.status import projection_status
from projections.registry import READ_MODELS
from tests.infrastructure.projection_engine.counting_read_model import CountingReadModel
from tests.infrastructure.projection_engine.damaged_log import NEWER_FORM, damage
from tests.infrastructure.projection_engine.log_builder import LogBuilder
from tests.infrastructure.projection_engine.wait_for_projections import (
    assert_live_equals_rebuilt,
    live_positions,
    wait_until,
    wait_until_all_at,
)
from tests.projections.event_builders import RandomHistory

Connection = psycopg.Connection[Any]
MODELS = {model.name: model for model in READ_MODELS}
COURSES = MODELS["courses"]


def versions(connection: Connection, name: str) -> list[tuple[int, str]]:
    return connection.execute(
        "SELECT version, role FROM easeboard.projections WHERE name = %s ORDER BY version", [name]
    ).fetchall()


async def state_of(name: str, read_pool: AsyncConnectionPool) -> str:
    rows = await projection_status(read_pool)
    return str(next(row["state"] for row in rows if row["name"] == name))


async def test_a_paused_read_model_stands_still_until_it_is_resumed(
    database_url: str,
    connection: Connection,
    reader: LogReader,
    log_builder: LogBuilder,
    read_pool: AsyncConnectionPool,
) -> None:
    events = RandomHistory(31).generate(300)
    first = log_builder.append(events[:100])
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, first)
        pause_projection(connection, "courses")
        second = log_builder.append(events[100:200])
        wait_until(lambda: live_positions(connection)["grades"] == second)
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        third = log_builder.append(events[200:])
        wait_until(lambda: live_positions(connection)["grades"] == third)
        assert live_positions(connection)["courses"] == first
        assert await state_of("courses", read_pool) == "paused"
        # No event is appended from here on.
        resume_projection(connection, "courses")
        wait_until_all_at(connection, third)
    assert await state_of("courses", read_pool) == "live"
    assert_live_equals_rebuilt(connection, events)


async def test_a_rebuild_of_a_paused_read_model_leaves_it_paused(
    database_url: str,
    connection: Connection,
    reader: LogReader,
    log_builder: LogBuilder,
    read_pool: AsyncConnectionPool,
) -> None:
    events = RandomHistory(32).generate(100)
    ensure_read_models(database_url, READ_MODELS)
    pause_projection(connection, "courses")
    log_builder.append(events)
    rebuild_read_model(database_url, reader, COURSES)
    assert live_positions(connection)["courses"] == log_builder.head()
    assert await state_of("courses", read_pool) == "paused"


def test_a_rollback_makes_the_earlier_version_live_and_can_be_rolled_back(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    events = RandomHistory(33).generate(300)
    log_builder.append(events[:100])
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, log_builder.head())
        rebuild_read_model(database_url, reader, COURSES)
        assert versions(connection, "courses") == [(1, "retired"), (2, "live")]
        log_builder.append(events[100:200])
        assert roll_back(database_url, reader, COURSES) == 1
        assert versions(connection, "courses") == [(1, "live"), (2, "retired")]
        log_builder.append(events[200:])
        wait_until_all_at(connection, log_builder.head())
        assert roll_back(database_url, reader, COURSES) == 2
        rebuild_read_model(database_url, reader, COURSES)
        assert versions(connection, "courses") == [(2, "retired"), (3, "live")]
        wait_until_all_at(connection, log_builder.head())
    assert_live_equals_rebuilt(connection, events)


async def test_what_was_skipped_since_is_left_out_after_a_rollback(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    events = RandomHistory(34).generate(200)
    log_builder.append(events)
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, log_builder.head())
        fetched = [each for each in events if isinstance(each.event, CourseFetched)][3]
        log = damage(connection, events, fetched, NEWER_FORM)
        rebuild_read_model(database_url, reader, COURSES)
        await LetterActions(database_url, reader, MODELS).skip("courses", fetched.event_id)
        roll_back(database_url, reader, COURSES)
        wait_until_all_at(connection, log_builder.head())
    log.assert_rows_of("courses", [each for each in events if each != fetched])


def test_a_rollback_whose_process_dies_can_be_repeated(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    events = _interrupted_rollback(database_url, connection, reader, log_builder)
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        with pytest.raises(RebuildRefused):
            roll_back(database_url, reader, COURSES)
        _let_builder_die(connection)
        assert roll_back(database_url, reader, COURSES) == 1
        wait_until_all_at(connection, log_builder.head())
    assert_live_equals_rebuilt(connection, events)


def test_a_rebuild_starts_from_the_first_event_after_an_interrupted_rollback(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    events = _interrupted_rollback(database_url, connection, reader, log_builder)
    _let_builder_die(connection)
    assert rebuild_read_model(database_url, reader, COURSES) == 3
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, log_builder.head())
    assert_live_equals_rebuilt(connection, events)


def _interrupted_rollback(
    url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> list[RecordedEvent]:
    events = RandomHistory(35).generate(150)
    log_builder.append(events[:100])
    with ProjectionDaemon(url, reader, READ_MODELS):
        wait_until_all_at(connection, log_builder.head())
        rebuild_read_model(url, reader, COURSES)
    log_builder.append(events[100:])
    reopen_retired(connection, reader, COURSES, uuid4())
    assert versions(connection, "courses") == [(1, "building"), (2, "live")]
    return events


def _let_builder_die(connection: Connection) -> None:
    connection.execute(
        "UPDATE easeboard.projections SET builder_seen_at = '-infinity' WHERE role = 'building'"
    )


def test_without_a_version_that_this_program_can_continue_it_is_refused(
    database_url: str, reader: LogReader
) -> None:
    ensure_read_models(database_url, [CountingReadModel()])
    with pytest.raises(RollbackRefused, match="no earlier version"):
        roll_back(database_url, reader, CountingReadModel())
    rebuild_read_model(database_url, reader, CountingReadModel(version=2))
    with pytest.raises(RollbackRefused, match="another release"):
        roll_back(database_url, reader, CountingReadModel(version=2))
    # The program is rolled back first.
    assert roll_back(database_url, reader, CountingReadModel()) == 1


def test_a_rollback_is_refused_during_a_rebuild(
    database_url: str, connection: Connection, reader: LogReader
) -> None:
    ensure_read_models(database_url, [CountingReadModel()])
    rebuild_read_model(database_url, reader, CountingReadModel())
    start_rebuild(connection, CountingReadModel(), uuid4())
    with pytest.raises(RebuildRefused):
        roll_back(database_url, reader, CountingReadModel())
