"""Admins see how each read model is doing."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
from psycopg_pool import AsyncConnectionPool

from infrastructure.event_store.log_reader import LogReader
from infrastructure.projection_engine.daemon import Follower
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.rebuild_steps import break_ground
from infrastructure.projection_engine.status import status
from projections.registry import READ_MODELS
from tests.infrastructure.projection_engine.counting_read_model import Tally
from tests.infrastructure.projection_engine.log_builder import WrittenLog
from tests.infrastructure.projection_engine.wait_for_projections import until_all_at
from tests.projections.event_builders import BEGAN, Wanderer

Connection = psycopg.Connection[Any]


async def test_caught_up(
    database_url: str,
    connection: Connection,
    reader: LogReader,
    written: WrittenLog,
    reads: AsyncConnectionPool,
) -> None:
    head = written.append(Wanderer(1).walk(60))
    with Follower(database_url, reader, READ_MODELS):
        until_all_at(connection, head)
        rows = await status(reads)
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
        "dead_letters": 0,
        "owner": None,
        "rebuild": None,
    }


async def test_behind_and_being_rebuilt(
    database_url: str, connection: Connection, written: WrittenLog, reads: AsyncConnectionPool
) -> None:
    ensure_read_models(database_url, [Tally()])
    head = written.append(Wanderer(1).walk(60))
    break_ground(connection, Tally(), uuid4())
    (row,) = await status(reads)
    age = (datetime.now(UTC) - BEGAN).total_seconds()
    assert row["lag_events"] == row["head"] == head
    assert abs(row["lag_seconds"] - age) < 60
    assert row["rebuild"] == {"state": "running", "done": 0, "total": head, "eta_seconds": None}
    connection.execute(
        "UPDATE easeboard.projections SET builder_seen_at = '-infinity' WHERE builder IS NOT NULL"
    )
    (row,) = await status(reads)
    assert row["rebuild"]["state"] == "interrupted"
