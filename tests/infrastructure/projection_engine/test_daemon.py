"""The daemon applies all events to read models, in spite of errors and lost connections."""

import random
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from domain.log_position import LogPosition
from infrastructure.event_store.log_reader import EventPage, LogReader
from infrastructure.event_store.people_slice import PeopleSlice
from infrastructure.projection_engine.daemon import PAUSE_FACTOR, ProjectionDaemon
from projections.registry import READ_MODELS
from tests.infrastructure.projection_engine.counting_read_model import CountingReadModel
from tests.infrastructure.projection_engine.log_builder import LogBuilder
from tests.infrastructure.projection_engine.wait_for_projections import (
    assert_live_equals_rebuilt,
    live_positions,
    wait_until,
    wait_until_all_at,
)
from tests.projections.event_builders import RandomHistory
from tests.projections.table_contents import random_batches

Connection = psycopg.Connection[Any]


def test_appended_events_are_projected(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    events = RandomHistory(1).generate(200)
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        for batch in random_batches(events, random.Random(1)):
            log_builder.append(batch)
        wait_until_all_at(connection, log_builder.head())
    assert_live_equals_rebuilt(connection, events)


def test_a_checkpoint_moves_past_events_without_subscribers(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    head = log_builder.append(RandomHistory(2).generate(30))
    with ProjectionDaemon(database_url, reader, [replace(CountingReadModel(), subscribes_to=())]):
        wait_until(lambda: live_positions(connection) == {"counting": head})


def test_a_failing_projector_does_not_block_others_and_its_error_has_no_event_data(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    failing, working = CountingReadModel("failing"), CountingReadModel("working")
    failing.is_failing.set()
    head = log_builder.append(RandomHistory(3).generate(60))
    with ProjectionDaemon(database_url, reader, [failing, working]):
        wait_until(lambda: live_positions(connection) == {"failing": 0, "working": head})
        wait_until(lambda: _error(connection, "failing") is not None)
        error = _error(connection, "failing")
        failing.is_failing.clear()
        wait_until(lambda: live_positions(connection) == {"failing": head, "working": head})
    assert error is not None
    assert error.startswith(
        "UndefinedTable (42P01) in projection_engine/counting_read_model.py, line "
    )
    assert "Ada" not in error
    assert _error(connection, "failing") is None
    assert _error(connection, "working") is None


def _error(connection: Connection, name: str) -> str | None:
    rows = connection.execute(
        "SELECT error FROM easeboard.projections WHERE name = %s ORDER BY version", [name]
    ).fetchall()
    return rows[0][0] if rows else None


class SlowEventSource:
    """A slow log; it measures the pause between a read and the next round."""

    def __init__(self, source: LogReader) -> None:
        self._source = source
        self._finished_at = 0.0
        self.pauses: list[float] = []

    @property
    def timeline(self) -> int:
        return self._source.timeline

    def safe_place(self) -> LogPosition:
        if self._finished_at:
            self.pauses.append(time.monotonic() - self._finished_at)
            self._finished_at = 0.0
        return self._source.safe_place()

    def read(self, after: int, up_to: int, topics: Sequence[str], limit: int) -> EventPage:
        batch = self._source.read(after, up_to, topics, limit)
        time.sleep(0.02)
        self._finished_at = time.monotonic()
        return batch

    def of_slice(self, people: PeopleSlice) -> LogReader:
        return self._source.of_slice(people)


def test_a_small_batch_is_followed_by_a_pause(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    source = SlowEventSource(reader)
    with ProjectionDaemon(database_url, source, [CountingReadModel()]) as daemon:
        for event in RandomHistory(6).generate(5):
            head = log_builder.append([event])
            daemon.wake()
            wait_until_all_at(connection, head)
            daemon.wake()
        wait_until(lambda: len(source.pauses) >= 5)
    assert min(source.pauses) >= PAUSE_FACTOR * 0.02


@pytest.mark.parametrize("seed", range(3))
def test_two_daemons_with_killed_connections_apply_each_event_once(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder, seed: int
) -> None:
    rng = random.Random(seed)
    events = RandomHistory(seed).generate(300)
    with (
        ProjectionDaemon(database_url, reader, READ_MODELS),
        ProjectionDaemon(database_url, reader, READ_MODELS),
    ):
        for batch in random_batches(events, rng):
            log_builder.append(batch)
            if rng.random() < 0.2:
                _kill_projector_connection(connection, rng)
        wait_until_all_at(connection, log_builder.head())
    assert_live_equals_rebuilt(connection, events)


def _kill_projector_connection(connection: Connection, rng: random.Random) -> None:
    rows = connection.execute(
        """
        SELECT pid
          FROM pg_stat_activity
         WHERE datname = current_database()
           AND application_name = 'easeboard projector'
         ORDER BY pid
        """
    ).fetchall()
    if rows:
        connection.execute("SELECT pg_terminate_backend(%s)", rng.choice(rows))
