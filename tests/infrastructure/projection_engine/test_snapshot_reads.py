"""A read of read models is of one moment, and has the place in the log that it shows."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from domain.log_position import LogPosition
from infrastructure.postgres.pools import open_read_pool
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.snapshot_reads import Reading, read_models
from projections.courses.query import courses_of
from projections.courses.what_if import UnknownAssignment, what_if_of
from projections.grades.query import grades_of
from projections.registry import READ_MODELS
from projections.support.page import Page
from tests.canvas_builders import assignment, course
from tests.deadlines import scaled
from tests.projections.conftest import project_events
from tests.projections.event_builders import PERSON, EventLogBuilder, StudentAccount
from tests.projections.pages import decode_page

COURSES = courses_of(PERSON, limit=None)
GRADES = grades_of(PERSON, limit=None)
SET_POSITIONS = "UPDATE easeboard.projections SET position = %s"
BLOCKED = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND wait_event_type = 'Lock'"
)


@pytest.fixture
def account(database_url: str, connection: psycopg.Connection[Any]) -> StudentAccount:
    """A person with two courses; all read models are at position 9."""
    log = EventLogBuilder()
    account = StudentAccount(log).open()
    account.run((course("1", name="B"), [assignment("1")]), (course("2", name="A"), []))
    project_events(database_url, log.events)
    connection.execute(SET_POSITIONS, [9])
    return account


@pytest.fixture
def blocker(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A second connection, for a transaction that blocks readers."""
    with closing(psycopg.connect(database_url)) as connection:
        yield connection


@pytest.mark.usefixtures("account")
async def test_one_query_has_the_place_of_its_read_model(
    connection: psycopg.Connection[Any], read_pool: AsyncConnectionPool
) -> None:
    (page,), place = await read_models(read_pool, COURSES)
    assert [item["name"] for item in decode_page(page)] == ["A", "B"], "in the order of the query"
    assert place == LogPosition(0, 9)
    timeline = connection.execute("SELECT easeboard.current_timeline()").fetchall()[0][0]
    connection.execute(f"{SET_POSITIONS} WHERE name = 'courses'", [12])
    for _ in range(7):  # the driver prepares the statement after a few executions
        assert (await read_models(read_pool, COURSES)).place == LogPosition(timeline, 12)
    assert (await read_models(read_pool, GRADES)).place == LogPosition(timeline, 9)


async def test_an_empty_result_has_a_place(
    database_url: str, connection: psycopg.Connection[Any], read_pool: AsyncConnectionPool
) -> None:
    ensure_read_models(database_url, READ_MODELS)
    connection.execute(SET_POSITIONS, [4])
    expected = Reading((Page([], None),), LogPosition(0, 4))
    assert await read_models(read_pool, COURSES) == expected
    (courses, grades), place = await read_models(read_pool, COURSES, GRADES)
    assert (courses.items, grades.items, place) == ([], [], LogPosition(0, 4))


@pytest.mark.usefixtures("account")
async def test_several_queries_have_a_place_if_their_read_models_are_at_one(
    connection: psycopg.Connection[Any], read_pool: AsyncConnectionPool
) -> None:
    (courses, grades), place = await read_models(read_pool, COURSES, GRADES)
    assert (len(courses.items), len(grades.items), place) == (2, 2, LogPosition(0, 9))
    connection.execute(f"{SET_POSITIONS} WHERE name = 'grades'", [8])
    assert (await read_models(read_pool, COURSES, GRADES)).place is None
    connection.execute(f"{SET_POSITIONS} WHERE name = 'courses'", [8])
    assert (await read_models(read_pool, COURSES, GRADES)).place == LogPosition(0, 8)
    connection.execute("DELETE FROM easeboard.projections WHERE name = 'grades'")
    assert (await read_models(read_pool, COURSES, GRADES)).place is None
    assert (await read_models(read_pool, GRADES)).place is None


@pytest.mark.usefixtures("account")
async def test_all_queries_show_the_moment_of_the_first(
    connection: psycopg.Connection[Any],
    blocker: psycopg.Connection[Any],
    read_pool: AsyncConnectionPool,
) -> None:
    blocker.execute("DROP VIEW read.grades")  # a reader of this view waits until the rollback
    reading = asyncio.create_task(read_models(read_pool, COURSES, GRADES))
    await _until_blocked(connection)
    with connection.transaction():
        connection.execute("DELETE FROM grades_v1.grades")
        connection.execute(SET_POSITIONS, [10])
    blocker.rollback()
    (_, grades), place = await reading
    assert (len(grades.items), place) == (2, LogPosition(0, 9))
    (_, grades), place = await read_models(read_pool, COURSES, GRADES)
    assert (len(grades.items), place) == (0, LogPosition(0, 10))


@pytest.mark.usefixtures("account")
async def test_a_switch_of_a_version_during_the_read_is_noticed(
    connection: psycopg.Connection[Any],
    blocker: psycopg.Connection[Any],
    read_pool: AsyncConnectionPool,
) -> None:
    blocker.execute("CREATE TABLE grades_v1.rebuilt (LIKE grades_v1.grades)")
    blocker.execute("DROP VIEW read.grades")
    blocker.execute("CREATE VIEW read.grades AS SELECT * FROM grades_v1.rebuilt")
    blocker.execute("UPDATE easeboard.projections SET version = 2 WHERE name = 'grades'")
    reading = asyncio.create_task(read_models(read_pool, COURSES, GRADES))
    await _until_blocked(connection)
    blocker.commit()
    (_, grades), place = await reading
    assert (grades.items, place) == ([], None), "the snapshot is old, the view is new"
    assert (await read_models(read_pool, COURSES, GRADES)).place == LogPosition(0, 9)


async def test_an_error_of_building_leaves_the_connection_usable(
    account: StudentAccount, read_pool: AsyncConnectionPool
) -> None:
    (course_,) = (item for item in decode_page((await read_models(read_pool, COURSES))[0][0])[:1])
    unknown = what_if_of(PERSON, course_["id"], scores={account.id: 1.0})
    with pytest.raises(UnknownAssignment):
        await read_models(read_pool, unknown, GRADES)
    assert read_pool.get_stats().get("requests_errors", 0) == 0
    assert (await read_models(read_pool, COURSES, GRADES)).place == LogPosition(0, 9)


async def _until_blocked(connection: psycopg.Connection[Any]) -> None:
    async with asyncio.timeout(scaled(10)):
        while connection.execute(BLOCKED).fetchall() != [(1,)]:  # noqa: ASYNC110  # of the server
            await asyncio.sleep(0.005)


@pytest.mark.usefixtures("account")
async def test_several_queries_need_one_round_trip(database_url: str, tmp_path: Path) -> None:
    with (tmp_path / "trace").open("w") as trace:
        async with open_read_pool(database_url, size=1) as pool:
            for _ in range(7):  # the driver prepares the statements after a few executions
                await read_models(pool, COURSES, GRADES)
            async with pool.connection() as traced:
                traced.pgconn.trace(trace.fileno())
            await read_models(pool, COURSES, GRADES)
            async with pool.connection() as traced:
                traced.pgconn.untrace()
    lines = (tmp_path / "trace").read_text().splitlines()
    senders = [sender for sender, _ in groupby(line.split("\t")[1] for line in lines)]
    assert senders == ["F", "B"], "the client sends everything, then the server answers"
