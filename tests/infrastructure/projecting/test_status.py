"""Admins see how each read model is doing."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
from psycopg_pool import AsyncConnectionPool

from infrastructure.event_store.log_reader import LogReader
from infrastructure.projecting.construction import break_ground
from infrastructure.projecting.ensuring import ensure_read_models
from infrastructure.projecting.follow import Follower
from infrastructure.projecting.status import status
from projections.catalogue import READ_MODELS
from tests.infrastructure.projecting.standing import until_all_at
from tests.infrastructure.projecting.tally import Tally
from tests.infrastructure.projecting.written_log import WrittenLog
from tests.projections.histories import BEGAN, Wanderer

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
