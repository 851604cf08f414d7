"""Administrators can list the state of each read model."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
from psycopg_pool import AsyncConnectionPool

from infrastructure.event_store.log_reader import LogReader
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.rebuild_steps import start_rebuild
from infrastructure.projection_engine.status import projection_status
from projections.registry import READ_MODELS
from tests.infrastructure.projection_engine.counting_read_model import CountingReadModel
from tests.infrastructure.projection_engine.damaged_log import NEWER_FORM, damage
from tests.infrastructure.projection_engine.log_builder import LogBuilder
from tests.infrastructure.projection_engine.wait_for_projections import wait_until_all_at
from tests.projections.event_builders import STARTED_AT, RandomHistory

Connection = psycopg.Connection[Any]


async def test_status_of_read_models_that_have_caught_up(
    database_url: str,
    connection: Connection,
    reader: LogReader,
    log_builder: LogBuilder,
    read_pool: AsyncConnectionPool,
) -> None:
    head = log_builder.append(RandomHistory(1).generate(60))
    with ProjectionDaemon(database_url, reader, READ_MODELS, process_name="host:1:2"):
        wait_until_all_at(connection, head)
        rows = await projection_status(read_pool)
    assert [row["name"] for row in rows] == sorted(model.name for model in READ_MODELS)
    courses = rows[2]
    assert courses["events_per_second"] > 0
    assert courses | {"events_per_second": 0} == {
        "name": "courses",
        "version": 1,
        "state": "live",
        "position": head,
        "head": head,
        "lag_events": 0,
        "lag_seconds": 0.0,
        "events_per_second": 0,
        "error": None,
        "dead_letters": 0,
        "owner": "host:1:2",
        "verified": None,
        "rebuild": None,
    }


async def test_status_of_a_read_model_that_is_behind_and_being_rebuilt(
    database_url: str,
    connection: Connection,
    log_builder: LogBuilder,
    read_pool: AsyncConnectionPool,
) -> None:
    ensure_read_models(database_url, [CountingReadModel()])
    head = log_builder.append(RandomHistory(1).generate(60))
    start_rebuild(connection, CountingReadModel(), uuid4())
    (row,) = await projection_status(read_pool)
    age = (datetime.now(UTC) - STARTED_AT).total_seconds()
    assert row["lag_events"] == row["head"] == head
    assert abs(row["lag_seconds"] - age) < 60
    assert row["rebuild"] == {"state": "running", "done": 0, "total": head, "eta_seconds": None}
    connection.execute(
        "UPDATE easeboard.projections SET builder_seen_at = '-infinity' WHERE builder IS NOT NULL"
    )
    (row,) = await projection_status(read_pool)
    assert row["rebuild"]["state"] == "interrupted"


async def test_the_owner_is_the_process_that_applies_events_while_its_lease_lasts(
    database_url: str,
    connection: Connection,
    reader: LogReader,
    log_builder: LogBuilder,
    read_pool: AsyncConnectionPool,
) -> None:
    async def owner() -> str | None:
        (row,) = await projection_status(read_pool)
        return str(row["owner"]) if row["owner"] else None

    ensure_read_models(database_url, [CountingReadModel()])
    assert await owner() is None
    head = log_builder.append(RandomHistory(1).generate(20))
    with ProjectionDaemon(database_url, reader, [CountingReadModel()], process_name="mover"):
        wait_until_all_at(connection, head)
        assert await owner() == "mover"
    assert await owner() is None, "it has stopped"
    connection.execute(
        "UPDATE easeboard.projection_owners"
        "   SET owner = 'killed', until = clock_timestamp() + interval '1 s'"
    )
    assert await owner() == "killed"
    connection.execute("UPDATE easeboard.projection_owners SET until = until - interval '1 s'")
    assert await owner() is None


async def test_the_reason_of_a_failure_and_of_a_dead_letter_is_listed(
    database_url: str,
    connection: Connection,
    reader: LogReader,
    log_builder: LogBuilder,
    read_pool: AsyncConnectionPool,
) -> None:
    model = CountingReadModel()
    events = RandomHistory(1).generate(20)
    log_builder.append(events)
    damage(connection, events, events[0], NEWER_FORM)
    with ProjectionDaemon(database_url, reader, [model]):
        wait_until_all_at(connection, log_builder.head())
    (row,) = await projection_status(read_pool)
    assert (row["state"], row["dead_letters"]) == ("live", 1)
    assert row["error"].startswith(
        f"1 set aside, the first: EventUnreadable at position {events[0].position}"
    )
    connection.execute("UPDATE easeboard.projections SET error = 'UndefinedTable (42P01)'")
    (row,) = await projection_status(read_pool)
    assert row["state"] == "failing"
    assert row["error"].startswith("UndefinedTable (42P01); 1 set aside")
