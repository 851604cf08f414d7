"""A rebuild makes the same tables beside the live ones, and nobody who reads notices."""

import threading
from dataclasses import replace
from itertools import islice
from typing import Any, Self
from uuid import uuid4

import psycopg
import pytest

from infrastructure.event_store.log_reader import LogReader
from infrastructure.projection_engine.daemon import Follower
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.read_model import topics
from infrastructure.projection_engine.rebuild import RebuildProgress, rebuild
from infrastructure.projection_engine.rebuild_steps import (
    RebuildLost,
    RebuildRefused,
    break_ground,
    extend,
    take_over,
)
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

Connection = psycopg.Connection[Any]
ASSIGNMENTS = next(model for model in READ_MODELS if model.name == "assignments")


def _versions(connection: Connection, name: str) -> list[tuple[int, str]]:
    return connection.execute(
        "SELECT version, role FROM easeboard.projections WHERE name = %s ORDER BY version", [name]
    ).fetchall()


def _schemas(connection: Connection, name: str) -> list[str]:
    found = connection.execute(
        "SELECT nspname FROM pg_namespace WHERE nspname LIKE %s ORDER BY nspname", [f"{name}_v%"]
    )
    return [schema for (schema,) in found]


class Readers:
    """Two who ask the same all the time."""

    def __init__(self, url: str, question: str) -> None:
        self._url, self._question = url, question
        self._stop = threading.Event()
        self.answers: list[list[Any]] = []
        self.errors: list[Exception] = []
        self._threads = [threading.Thread(target=self._ask) for _ in range(2)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._stop.is_set():
                try:
                    self.answers.append(connection.execute(self._question).fetchall())
                except psycopg.Error as error:
                    self.errors.append(error)


def test_reads_go_on_and_find_everything(
    database_url: str, connection: Connection, reader: LogReader, written: WrittenLog
) -> None:
    wanderer = Wanderer(11, people=1, accounts=6)
    written.append(wanderer.walk(200))
    question = "SELECT a.assignment_id FROM read.assignments AS a ORDER BY a.assignment_id"
    with Follower(database_url, reader, READ_MODELS):
        until_all_at(connection, written.head())
        with Readers(database_url, question) as readers:
            for _ in range(5):
                rebuild(database_url, reader, ASSIGNMENTS)
                asked = len(readers.answers)
                until(lambda asked=asked: len(readers.answers) > asked)  # type: ignore[misc]  # bound early
        assert readers.errors == []
        assert {len(answer) for answer in readers.answers} == {len(readers.answers[0])}
        assert readers.answers[0]
    assert _versions(connection, "assignments") == [(5, "retired"), (6, "live")]
    assert _schemas(connection, "assignments") == ["assignments_v5", "assignments_v6"]


def test_the_live_version_goes_on_meanwhile_and_the_new_one_catches_up(
    database_url: str, connection: Connection, reader: LogReader, written: WrittenLog
) -> None:
    events = Wanderer(12).walk(400)
    written.append(events[:150])
    with Follower(database_url, reader, READ_MODELS):
        until_all_at(connection, written.head())
        rest = iter(events[150:])

        def record_more(_: RebuildProgress) -> None:
            written.append(list(islice(rest, 40)))

        for model in READ_MODELS:
            rebuild(database_url, reader, model, record_more)
        written.append(list(rest))
        until_all_at(connection, written.head())
    assert_live_is_rebuilt(connection, events)
    assert _versions(connection, "grades") == [(1, "retired"), (2, "live")]


def test_a_new_version_takes_over_where_the_live_one_stands_and_not_from_afar(
    database_url: str, connection: Connection, reader: LogReader, written: WrittenLog
) -> None:
    events = Wanderer(18, people=20).walk(1_500)
    near = written.append(events[:400])
    ensure_read_models(database_url, READ_MODELS)
    site, _ = break_ground(connection, ASSIGNMENTS, uuid4())
    extend(connection, site, 0, reader.read(0, reader.safe(), topics([ASSIGNMENTS]), 10_000))
    far = written.append(events[400:1_000])
    with Follower(database_url, reader, READ_MODELS):
        until_all_at(connection, far)
    assert take_over(connection, site, near, reader) is False
    start = far - 300
    extend(connection, site, near, reader.read(near, start, topics([ASSIGNMENTS]), 10_000))
    assert take_over(connection, site, start, reader) is True
    assert positions(connection)["assignments"] == far
    assert_live_is_rebuilt(connection, events[:1_000])


def test_progress_is_told(database_url: str, reader: LogReader, written: WrittenLog) -> None:
    head = written.append(Wanderer(13).walk(100))
    ensure_read_models(database_url, READ_MODELS)
    told: list[RebuildProgress] = []
    rebuild(database_url, reader, ASSIGNMENTS, told.append)
    assert told[-1].done == told[-1].total == head
    assert told[-1].rate > 0
    assert told[-1].eta_seconds == 0


def test_two_rebuilds_at_once_are_refused(
    database_url: str, connection: Connection, reader: LogReader
) -> None:
    ensure_read_models(database_url, [Tally()])
    break_ground(connection, Tally(), uuid4())
    with pytest.raises(RebuildRefused, match="tally is being rebuilt already"):
        rebuild(database_url, reader, Tally())


def test_what_does_not_exist_is_not_rebuilt(database_url: str, reader: LogReader) -> None:
    with pytest.raises(RebuildRefused, match="no read model tally"):
        rebuild(database_url, reader, Tally())


def test_a_rebuild_that_died_is_gone_on_with(
    database_url: str, connection: Connection, reader: LogReader, written: WrittenLog
) -> None:
    events = Wanderer(14).walk(200)
    head = written.append(events)
    ensure_read_models(database_url, READ_MODELS)
    site, start = break_ground(connection, ASSIGNMENTS, uuid4())
    batch = reader.read(start, reader.safe(), topics([ASSIGNMENTS]), 20)
    extend(connection, site, start, batch)
    connection.execute(
        "UPDATE easeboard.projections SET builder_seen_at = builder_seen_at - interval '16 s'"
    )
    told: list[RebuildProgress] = []
    assert rebuild(database_url, reader, ASSIGNMENTS, told.append) == site.version
    assert positions(connection)["assignments"] == head
    with pytest.raises(RebuildLost):
        extend(connection, site, batch.upto, batch)
    with Follower(database_url, reader, READ_MODELS):
        until_all_at(connection, head)
    assert_live_is_rebuilt(connection, events)


def test_a_rebuild_that_fails_says_why_and_may_be_tried_again_at_once(
    database_url: str, connection: Connection, reader: LogReader, written: WrittenLog
) -> None:
    written.append(Wanderer(15).walk(30))
    model = Tally()
    ensure_read_models(database_url, [model])
    model.refuses.set()
    with pytest.raises(LookupError):
        rebuild(database_url, reader, model)
    found = connection.execute(
        "SELECT error FROM easeboard.projections WHERE role = 'building' ORDER BY name"
    ).fetchall()
    assert found[0][0].startswith("LookupError in projection_engine/counting_read_model.py")
    model.refuses.clear()
    assert rebuild(database_url, reader, model) == 2
    assert _versions(connection, "tally") == [(1, "retired"), (2, "live")]


def test_newer_code_rebuilds_by_itself_and_older_code_leaves_it_alone(
    database_url: str, connection: Connection, reader: LogReader, written: WrittenLog
) -> None:
    events = Wanderer(16).walk(100)
    head = written.append(events[:50])
    old = Tally()
    new = replace(
        old,
        version=2,
        schema_sql="CREATE TABLE tallied (position bigint PRIMARY KEY, extra text);",
        tables=("tallied",),
    )
    with Follower(database_url, reader, [old]):
        until(lambda: positions(connection) == {"tally": head})
    with Follower(database_url, reader, [new]):
        until(lambda: _versions(connection, "tally") == [(1, "retired"), (2, "live")])
        more = written.append(events[50:])
        until(lambda: positions(connection) == {"tally": more})
    seen = connection.execute("SELECT position, extra FROM read.tallied ORDER BY 1").fetchall()
    assert seen
    assert ensure_read_models(database_url, [old]) == []
