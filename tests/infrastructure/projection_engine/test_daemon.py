"""The follower keeps read models in step, whatever happens to it."""

import random
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from infrastructure.event_store.log_reader import LogReader
from infrastructure.projection_engine.daemon import Follower
from infrastructure.projection_engine.event_source import Batch
from projections.registry import READ_MODELS
from tests.infrastructure.projection_engine.counting_read_model import Tally
from tests.infrastructure.projection_engine.log_builder import WrittenLog
from tests.infrastructure.projection_engine.wait_for_projections import (
    assert_live_is_rebuilt,
    positions,
    until,
    until_all_at,
)
from tests.projections.event_builders import Wanderer
from tests.projections.table_contents import in_parts

Connection = psycopg.Connection[Any]


def test_what_is_recorded_is_soon_read(
    database_url: str, connection: Connection, reader: LogReader, written: WrittenLog
) -> None:
    events = Wanderer(1).walk(200)
    with Follower(database_url, reader, READ_MODELS):
        for part in in_parts(events, random.Random(1)):
            written.append(part)
        until_all_at(connection, written.head())
    assert_live_is_rebuilt(connection, events)


def test_a_checkpoint_moves_past_events_that_nobody_hears(
    database_url: str, connection: Connection, reader: LogReader, written: WrittenLog
) -> None:
    head = written.append(Wanderer(2).walk(30))
    with Follower(database_url, reader, [replace(Tally(), hears=())]):
        until(lambda: positions(connection) == {"tally": head})


def test_a_broken_projector_holds_nobody_up_and_tells_no_secrets(
    database_url: str, connection: Connection, reader: LogReader, written: WrittenLog
) -> None:
    broken, sound = Tally("broken"), Tally("sound")
    broken.refuses.set()
    head = written.append(Wanderer(3).walk(60))
    with Follower(database_url, reader, [broken, sound]):
        until(lambda: positions(connection) == {"broken": 0, "sound": head})
        until(lambda: _error(connection, "broken") is not None)
        error = _error(connection, "broken")
        broken.refuses.clear()
        until(lambda: positions(connection) == {"broken": head, "sound": head})
    assert error is not None
    assert error.startswith("LookupError in projection_engine/counting_read_model.py, line ")
    assert "Ada" not in error
    assert _error(connection, "broken") is None
    assert _error(connection, "sound") is None


def _error(connection: Connection, name: str) -> str | None:
    found = connection.execute(
        "SELECT error FROM easeboard.projections WHERE name = %s ORDER BY version", [name]
    ).fetchall()
    return found[0][0] if found else None


class Leisurely:
    """A log that takes its time, and when it was done and asked again."""

    def __init__(self, log: LogReader) -> None:
        self._log = log
        self._done = 0.0
        self.pauses: list[float] = []

    def safe(self) -> int:
        if self._done:
            self.pauses.append(time.monotonic() - self._done)
            self._done = 0.0
        return self._log.safe()

    def read(self, after: int, upto: int, topics: Sequence[str], limit: int) -> Batch:
        batch = self._log.read(after, upto, topics, limit)
        time.sleep(0.02)
        self._done = time.monotonic()
        return batch


def test_a_small_batch_is_followed_by_a_rest_twice_as_long(
    database_url: str, connection: Connection, reader: LogReader, written: WrittenLog
) -> None:
    log = Leisurely(reader)
    with Follower(database_url, log, [Tally()]) as follower:
        for event in Wanderer(6).walk(5):
            head = written.append([event])
            follower.wake()
            until_all_at(connection, head)
            follower.wake()
        until(lambda: len(log.pauses) >= 5)
    assert min(log.pauses) >= 0.04


def test_one_unreadable_event_stops_only_those_who_hear_it(
    database_url: str, connection: Connection, reader: LogReader, written: WrittenLog
) -> None:
    head = written.append(Wanderer(4).walk(40))
    connection.execute(
        """
        INSERT INTO easeboard.events (stream, version, topic, actor, command_id, person_id, state)
        VALUES (gen_random_uuid(), 1, 'GradeChanged', 'test', gen_random_uuid(),
                gen_random_uuid(), 'nonsense')
        """
    )
    with Follower(database_url, reader, READ_MODELS):
        until(lambda: positions(connection).get("courses") == head + 1)
        until(lambda: _error(connection, "grade_history") is not None)
    assert _error(connection, "grade_history") == (
        f"EventUnreadable at position {head + 1} (GradeChanged)"
    )
    assert _error(connection, "courses") is None


@pytest.mark.parametrize("seed", range(3))
def test_two_followers_whose_connections_are_killed_do_nothing_twice(
    database_url: str, connection: Connection, reader: LogReader, written: WrittenLog, seed: int
) -> None:
    chance = random.Random(seed)
    events = Wanderer(seed).walk(300)
    with Follower(database_url, reader, READ_MODELS), Follower(database_url, reader, READ_MODELS):
        for part in in_parts(events, chance):
            written.append(part)
            if chance.random() < 0.2:
                _kill_a_projector(connection, chance)
        until_all_at(connection, written.head())
    assert_live_is_rebuilt(connection, events)


def _kill_a_projector(connection: Connection, chance: random.Random) -> None:
    found = connection.execute(
        """
        SELECT pid
          FROM pg_stat_activity
         WHERE datname = current_database()
           AND application_name = 'easeboard projector'
         ORDER BY pid
        """
    ).fetchall()
    if found:
        connection.execute("SELECT pg_terminate_backend(%s)", chance.choice(found))
