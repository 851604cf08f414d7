"""An event that cannot be applied stops its stream, in the read models that need it, and no other.

The rows of everything else are those of a log without it; several daemons, killed connections,
rebuilds and sizes of batches change nothing.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from domain.event import Event
from domain.events import CourseFetched
from domain.recorded_event import RecordedEvent
from infrastructure.event_store.log_reader import LogReader
from infrastructure.projection_engine import dead_letters
from infrastructure.projection_engine.apply_events import can_be_about_an_event
from infrastructure.projection_engine.batch_size import AdaptiveBatchSize
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.projection_engine.rebuild import rebuild_read_model
from infrastructure.projection_engine.status import dead_letters_of, projection_status
from projections.registry import READ_MODELS
from tests.infrastructure.projection_engine.damaged_log import (
    DAMAGES,
    NEWER_FORM,
    DamagedLog,
    damage,
)
from tests.infrastructure.projection_engine.log_builder import LogBuilder
from tests.infrastructure.projection_engine.wait_for_projections import (
    live_positions,
    wait_until,
    wait_until_all_at,
)
from tests.projections.event_builders import RandomHistory

Connection = psycopg.Connection[Any]


def damaged_log(
    connection: Connection, log_builder: LogBuilder, seed: int, state: bytes = NEWER_FORM
) -> DamagedLog:
    """Return a log of which an early CourseFetched is damaged, behind which others wait."""
    events = RandomHistory(seed).generate(300)
    log_builder.append(events)
    fetched = [recorded for recorded in events if isinstance(recorded.event, CourseFetched)]
    return damage(connection, events, fetched[len(fetched) // 4], state)


@pytest.mark.parametrize("kind", DAMAGES)
async def test_everything_but_the_stream_of_an_unreadable_event_goes_on(
    database_url: str,
    connection: Connection,
    reader: LogReader,
    log_builder: LogBuilder,
    *,
    read_pool: AsyncConnectionPool,
    kind: str,
) -> None:
    log = damaged_log(connection, log_builder, 31, DAMAGES[kind])
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, log_builder.head())
    log.assert_only_its_stream_waits()
    letters = await dead_letters_of(read_pool, None)
    assert [letter["projection"] for letter in letters] == log.subscribers()
    assert {letter["id"] for letter in letters} == {log.damaged.event_id}
    assert letters[0]["error"].startswith(
        f"EventUnreadable at position {log.damaged.position} (CourseFetched): "
    )
    assert letters[0]["waiting"] > 0
    models = await projection_status(read_pool)
    assert {model["state"] for model in models} == {"live"}
    assert [model["name"] for model in models if model["dead_letters"]] == log.subscribers()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("limit", [1, 7, 2_000])
def test_batches_daemons_and_lost_connections_do_not_change_what_is_parked(
    database_url: str,
    connection: Connection,
    reader: LogReader,
    log_builder: LogBuilder,
    *,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    limit: int,
) -> None:
    monkeypatch.setattr(AdaptiveBatchSize, "__enter__", lambda _: limit)
    log = damaged_log(connection, log_builder, 40 + seed)
    rng = random.Random(seed)
    with (
        ProjectionDaemon(database_url, reader, READ_MODELS),
        ProjectionDaemon(database_url, reader, READ_MODELS),
    ):
        for _ in range(5):
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'easeboard projector'"
                " AND random() < %s",
                [rng.random()],
            )
        wait_until_all_at(connection, log_builder.head())
    log.assert_only_its_stream_waits()


def test_a_rebuild_leaves_out_what_the_live_version_leaves_out(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    log = damaged_log(connection, log_builder, 51)
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, log_builder.head())
    log.repair()
    for model in READ_MODELS:
        rebuild_read_model(database_url, reader, model)
    log.assert_only_its_stream_waits()


def test_a_rebuild_finds_and_parks_unreadable_events(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    events = RandomHistory(52).generate(200)
    log_builder.append(events)
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, log_builder.head())
    fetched = next(each for each in events if isinstance(each.event, CourseFetched))
    log = damage(connection, events, fetched, NEWER_FORM)
    for model in READ_MODELS:
        rebuild_read_model(database_url, reader, model)
    log.assert_only_its_stream_waits()


class StumblingModel:
    """A read model of the registry whose projector raises for some events."""

    def __init__(self, name: str, stumbles: Callable[[RecordedEvent], bool]) -> None:
        self._model = next(model for model in READ_MODELS if model.name == name)
        self._stumbles = stumbles
        self.name, self.version = name, self._model.version
        self.schema_sql, self.tables = self._model.schema_sql, self._model.tables
        self.subscribes_to: tuple[type[Event], ...] = self._model.subscribes_to

    def project(self, events: Sequence[RecordedEvent], cursor: psycopg.Cursor[Any]) -> None:
        """Apply the events, and raise if one of them is such an event."""
        self._model.project(events, cursor)
        if any(self._stumbles(recorded) for recorded in events):
            raise ValueError("Ada")


def test_an_event_that_a_projector_fails_for_is_found_by_bisection(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    events = RandomHistory(61).generate(300)
    log_builder.append(events)
    fetched = [recorded for recorded in events if isinstance(recorded.event, CourseFetched)]
    log = DamagedLog(connection, events, fetched[2], b"")
    stumbling = StumblingModel("courses", lambda each: each.event_id == fetched[2].event_id)
    models = [stumbling if model.name == "courses" else model for model in READ_MODELS]
    with ProjectionDaemon(database_url, reader, models):
        wait_until_all_at(connection, log_builder.head())
    rows = connection.execute(
        "SELECT projection, position, error FROM easeboard.dead_letters ORDER BY position"
    ).fetchall()
    ((projection, position, error),) = rows
    assert (projection, position) == ("courses", fetched[2].position)
    assert error.startswith("ValueError in projection_engine/test_dead_letters.py")
    assert "Ada" not in error
    log.assert_rows_of("courses", log.readable(_model("courses")))
    log.assert_rows_of("grades", events)


def test_a_fault_of_the_program_parks_nothing(
    database_url: str,
    connection: Connection,
    reader: LogReader,
    log_builder: LogBuilder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dead_letters, "MAX_PARKED_PEOPLE", 0)
    log_builder.append(RandomHistory(62).generate(60))
    stumbling = StumblingModel("courses", lambda _: True)
    with ProjectionDaemon(database_url, reader, [_model("grades"), stumbling]):
        wait_until(lambda: live_positions(connection).get("grades") == log_builder.head())
    assert live_positions(connection)["courses"] == 0
    with pytest.raises(dead_letters.TooManyDeadLetters):
        rebuild_read_model(database_url, reader, stumbling)
    assert connection.execute("SELECT FROM easeboard.dead_letters").fetchall() == []


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (psycopg.errors.UndefinedColumn(), False),
        (psycopg.errors.InsufficientPrivilege(), False),
        (psycopg.errors.DeadlockDetected(), False),
        (psycopg.OperationalError(), False),
        (MemoryError(), False),
        (psycopg.errors.NumericValueOutOfRange(), True),
        (psycopg.errors.NotNullViolation(), True),
        (psycopg.DataError("NUL"), True),
        (KeyError("name"), True),
    ],
)
def test_only_errors_that_an_event_can_cause_lead_to_its_parking(
    error: Exception, *, expected: bool
) -> None:
    assert can_be_about_an_event(error) is expected


def _model(name: str) -> Any:
    return next(model for model in READ_MODELS if model.name == name)
