"""A rebuild goes on when its process dies, and several processes do not disturb each other."""

import asyncio
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from infrastructure.event_store.log_reader import LogReader
from infrastructure.projection_engine import live_lag
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.joined_rebuild import rebuild_or_join
from infrastructure.projection_engine.live_lag import LagThrottle
from infrastructure.projection_engine.rebuild import (
    RebuildProgress,
    rebuild_read_model,
    request_rebuild,
)
from infrastructure.projection_engine.rebuild_steps import (
    RebuildRefused,
    abandon_rebuild,
)
from infrastructure.projection_engine.rollback import RollbackRefused, roll_back
from infrastructure.projection_engine.status import projection_status
from infrastructure.projection_engine.version_locks import REBUILD_LEASE_SECONDS
from projections.registry import READ_MODELS
from tests.infrastructure.projection_engine.counting_read_model import CountingReadModel
from tests.infrastructure.projection_engine.log_builder import LogBuilder
from tests.infrastructure.projection_engine.projector_processes import MODELS as PROCESS_MODELS
from tests.infrastructure.projection_engine.projector_processes import running_projectors
from tests.infrastructure.projection_engine.wait_for_projections import (
    assert_live_equals_rebuilt,
    wait_until,
    wait_until_all_at,
)
from tests.projections.event_builders import RandomHistory

Connection = psycopg.Connection[Any]
MODELS = {model.name: model for model in READ_MODELS}
COURSES = MODELS["courses"]
AGE_BUILDERS = (
    "UPDATE easeboard.projections SET builder_seen_at = builder_seen_at - interval '13 s'"
    " WHERE role = 'building'"
)


def live_version(connection: Connection, name: str) -> int:
    rows = connection.execute(
        "SELECT version FROM easeboard.projections WHERE name = %s AND role = 'live'", [name]
    ).fetchall()
    return int(rows[0][0])


async def rebuild_state(read_pool: AsyncConnectionPool) -> str | None:
    """Return what `list` shows of the rebuild of the courses."""
    rows = await projection_status(read_pool)
    rebuild = next(row["rebuild"] for row in rows if row["name"] == "courses")
    return str(rebuild["state"]) if rebuild else None


async def test_a_projector_continues_a_rebuild_whose_process_died(
    database_url: str,
    connection: Connection,
    reader: LogReader,
    log_builder: LogBuilder,
    read_pool: AsyncConnectionPool,
) -> None:
    events = RandomHistory(61).generate(150)
    log_builder.append(events)
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, log_builder.head())
        request_rebuild(database_url, COURSES, uuid4())
        assert await rebuild_state(read_pool) == "running"
        await asyncio.sleep(1)
        assert live_version(connection, "courses") == 1, "its process is alive"
    connection.execute(AGE_BUILDERS)
    assert await rebuild_state(read_pool) == "interrupted"
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until(lambda: live_version(connection, "courses") == 2)
        wait_until_all_at(connection, log_builder.head())
    assert await rebuild_state(read_pool) is None
    assert_live_equals_rebuilt(connection, events)


@pytest.mark.process
def test_a_rebuild_of_a_process_that_is_killed_is_live_after_its_lease(
    database_url: str, connection: Connection, log_builder: LogBuilder
) -> None:
    log_builder.append(RandomHistory(60).generate(40))
    ensure_read_models(database_url, PROCESS_MODELS)
    name = PROCESS_MODELS[0].name
    with running_projectors(database_url) as projectors:
        projectors.start()
        wait_until_all_at(connection, log_builder.head())
        builder = projectors.start_rebuild()
        wait_until(
            lambda: (
                connection.execute(
                    "SELECT position FROM easeboard.projections WHERE role = 'building'"
                ).fetchall()
                == [(log_builder.head(),)]
            )
        )
        projectors.end(builder, signal.SIGKILL)
        wait_until(lambda: live_version(connection, name) == 2, seconds=REBUILD_LEASE_SECONDS + 3)


def test_a_rebuild_that_failed_waits_until_it_is_requested_again(
    database_url: str, connection: Connection, reader: LogReader
) -> None:
    ensure_read_models(database_url, READ_MODELS)
    builder = uuid4()
    request_rebuild(database_url, COURSES, builder)
    abandon_rebuild(connection, builder, "UndefinedTable (42P01)")
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        time.sleep(2)
        assert live_version(connection, "courses") == 1
        assert rebuild_or_join(database_url, reader, COURSES) == 2


def test_a_second_request_joins_a_rebuild_and_ends_with_it(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    log_builder.append(RandomHistory(62).generate(100))
    ensure_read_models(database_url, READ_MODELS)
    has_begun, may_end = threading.Event(), threading.Event()
    reported: list[RebuildProgress] = []

    def pause(_: RebuildProgress) -> None:
        has_begun.set()
        may_end.wait(20)

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(rebuild_read_model, database_url, reader, COURSES, pause)
        assert has_begun.wait(20)
        second = threads.submit(rebuild_or_join, database_url, reader, COURSES, reported.append)
        wait_until(lambda: bool(reported))
        may_end.set()
        assert (first.result(), second.result()) == (2, 2)
    assert reported[-1].total == log_builder.head()
    assert live_version(connection, "courses") == 2


def test_who_joined_a_rebuild_continues_it_when_its_process_dies(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    log_builder.append(RandomHistory(63).generate(60))
    ensure_read_models(database_url, READ_MODELS)
    request_rebuild(database_url, COURSES, uuid4())
    with ThreadPoolExecutor(1) as threads:
        joined = threads.submit(rebuild_or_join, database_url, reader, COURSES)
        time.sleep(1)
        assert not joined.done()
        connection.execute(AGE_BUILDERS)
        assert joined.result(30) == 2


def test_all_read_models_are_rebuilt_by_several_requests_at_once(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    events = RandomHistory(64).generate(200)
    log_builder.append(events)
    with (
        ProjectionDaemon(database_url, reader, READ_MODELS),
        ProjectionDaemon(database_url, reader, READ_MODELS),
        ThreadPoolExecutor(4) as threads,
    ):
        wait_until_all_at(connection, log_builder.head())
        requests = [
            threads.submit(rebuild_or_join, database_url, reader, model)
            for model in [*READ_MODELS, *reversed(READ_MODELS)]
        ]
        versions = [request.result() for request in requests]
        assert set(versions) <= {2, 3}
        wait_until_all_at(connection, log_builder.head())
    assert_live_equals_rebuilt(connection, events)


def test_a_builder_stays_alive_in_a_step_that_takes_longer_than_its_lease(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    log_builder.append(RandomHistory(65).generate(30))
    ensure_read_models(database_url, READ_MODELS)

    def look(_: RebuildProgress) -> None:
        connection.execute(AGE_BUILDERS)
        wait_until(
            lambda: (
                connection.execute(
                    "SELECT builder_seen_at > clock_timestamp() - interval '5 s'"
                    "  FROM easeboard.projections WHERE role = 'building'"
                ).fetchall()
                == [(True,)]
            )
        )

    assert rebuild_read_model(database_url, reader, COURSES, look) == 2


def test_a_rebuild_waits_while_a_live_read_model_lags(
    database_url: str,
    connection: Connection,
    log_builder: LogBuilder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_lag, "MAX_PAUSE_SECONDS", 0.5)
    model = CountingReadModel()
    ensure_read_models(database_url, [model])
    log_builder.append(RandomHistory(66).generate(10))

    def waits() -> bool:
        pauses: list[float] = []
        with monkeypatch.context() as patch:
            patch.setattr(
                live_lag, "time", SimpleNamespace(monotonic=monotonic, sleep=pauses.append)
            )
            LagThrottle(connection).wait()
        return bool(pauses)

    assert not waits(), "no process applies events to the live read model"
    connection.execute(
        "INSERT INTO easeboard.projectors"
        " SELECT 'one', ARRAY[name || ':' || fingerprint], clock_timestamp() + interval '1 min'"
        "   FROM easeboard.projections"
    )
    connection.execute(
        "INSERT INTO easeboard.projection_owners"
        " VALUES ('counting', 'one', 1, clock_timestamp() + interval '1 min')"
    )
    assert waits()
    connection.execute("UPDATE easeboard.projections SET paused_at = clock_timestamp()")
    assert not waits()
    connection.execute(
        "UPDATE easeboard.projections SET paused_at = NULL, position = %s", [log_builder.head()]
    )
    assert not waits()


def test_a_rollback_is_refused_during_a_rebuild_and_possible_after_it(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    log_builder.append(RandomHistory(67).generate(40))
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, log_builder.head())
        request_rebuild(database_url, COURSES, uuid4())
        with pytest.raises(RebuildRefused):
            roll_back(database_url, reader, COURSES)
        connection.execute(AGE_BUILDERS)
        wait_until(lambda: live_version(connection, "courses") == 2)
        assert roll_back(database_url, reader, COURSES) == 1
        with pytest.raises(RollbackRefused):
            roll_back(database_url, reader, MODELS["grades"])
