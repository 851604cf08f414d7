"""The nightly sample finds rows that the log does not give, and repairs nothing."""

from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from domain.events import CourseFetched
from infrastructure.event_store.log_reader import LogReader
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.projection_engine.rebuild import rebuild_read_model
from infrastructure.projection_engine.sample_check import check_samples
from infrastructure.projection_engine.status import ownership_status, projection_status
from projections.registry import READ_MODELS
from tests.infrastructure.projection_engine.counting_read_model import CountingReadModel
from tests.infrastructure.projection_engine.damaged_log import NEWER_FORM, damage
from tests.infrastructure.projection_engine.log_builder import LogBuilder
from tests.infrastructure.projection_engine.wait_for_projections import wait_until_all_at
from tests.projections.event_builders import RandomHistory

Connection = psycopg.Connection[Any]
COURSES = next(model for model in READ_MODELS if model.name == "courses")
CHANGES = (
    "DELETE FROM courses_v{0}.courses WHERE ctid = (SELECT min(ctid) FROM courses_v{0}.courses)",
    "UPDATE courses_v{0}.courses SET position = 0",
)


async def _differences(read_pool: AsyncConnectionPool) -> dict[str, int]:
    return {
        each.name: each.sample_differences
        for each in await ownership_status(read_pool)
        if each.sample_differences
    }


async def _error(read_pool: AsyncConnectionPool) -> str | None:
    rows = await projection_status(read_pool)
    error: str | None = next(row["error"] for row in rows if row["name"] == "courses")
    return error


@pytest.mark.parametrize("change", CHANGES)
async def test_a_difference_is_found_and_listed_until_a_rebuild(
    database_url: str,
    connection: Connection,
    reader: LogReader,
    log_builder: LogBuilder,
    read_pool: AsyncConnectionPool,
    *,
    change: str,
) -> None:
    log_builder.append(RandomHistory(71, people=4).generate(200))
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, log_builder.head())
        results = check_samples(database_url, reader, READ_MODELS)
        assert {found.result for found in results} == {"ok"}
        assert len(results) == len(READ_MODELS)
        assert min(found.people for found in results) > 1
        assert await _differences(read_pool) == {}
        connection.execute(change.format(1).encode())
        before = connection.execute("SELECT * FROM courses_v1.courses ORDER BY 1, 2").fetchall()
        different = [
            found
            for found in check_samples(database_url, reader, READ_MODELS)
            if found.result != "ok"
        ]
        assert [(found.name, found.tables) for found in different] == [("courses", ["courses"])]
        assert different[0].different
        after = connection.execute("SELECT * FROM courses_v1.courses ORDER BY 1, 2").fetchall()
        assert after == before, "nothing is repaired"
        assert await _differences(read_pool) == {"courses": len(different[0].different)}
        assert "a sample of" in (await _error(read_pool) or "")
        rebuild_read_model(database_url, reader, COURSES)
        assert await _differences(read_pool) == {}
        assert await _error(read_pool) is None


async def test_what_was_set_aside_is_no_difference_and_what_became_unreadable_is_one(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    events = RandomHistory(72, people=2).generate(150)
    log_builder.append(events)
    first, second, *_ = [each for each in events if isinstance(each.event, CourseFetched)]
    damage(connection, events, first, NEWER_FORM)
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, log_builder.head())
    (found,) = check_samples(database_url, reader, [COURSES])
    assert (found.result, found.failed) == ("ok", 0)
    connection.execute("DELETE FROM easeboard.dead_letters WHERE id = %s", [first.event_id])
    assert second
    (found,) = check_samples(database_url, reader, [COURSES])
    assert (found.result, found.failed) == ("different", 1)


def test_a_read_model_of_another_release_is_left_out(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    log_builder.append(RandomHistory(73).generate(20))
    with ProjectionDaemon(database_url, reader, [CountingReadModel()]):
        wait_until_all_at(connection, log_builder.head())
    assert check_samples(database_url, reader, [CountingReadModel(version=2)]) == []
    schemas = connection.execute("SELECT count(*) FROM pg_namespace WHERE nspname ~ '_v[0-9]'")
    assert schemas.fetchall() == [(1,)]
