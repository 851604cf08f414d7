"""The daemon goes on by itself when the log has lost its last events."""

from typing import Any
from uuid import UUID

import psycopg

from domain.event import EVENT_TYPES
from infrastructure.event_store.log_reader import LogReader
from infrastructure.projection_engine.apply_batch import apply_next_batch
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.projection_engine.ensure_versions import ensure_versions
from infrastructure.projection_engine.lost_versions import mark_lost_versions
from infrastructure.projection_engine.read_model import subscribed_topics
from infrastructure.projection_engine.rebuild_steps import (
    abandon_rebuild,
    apply_rebuild_batch,
    start_rebuild,
)
from infrastructure.projection_engine.versions import VersionStatus, live_versions
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

Connection = psycopg.Connection[Any]
ID = UUID(int=1)
ALL_EVENTS = tuple(EVENT_TYPES.values())
MODELS = [
    CountingReadModel("first", subscribes_to=ALL_EVENTS),
    CountingReadModel("second", subscribes_to=ALL_EVENTS),
]


def project_all(connection: Connection, reader: LogReader) -> list[VersionStatus]:
    """Apply the log to MODELS in one batch; returns their versions."""
    ensure_versions(connection, MODELS)
    statuses = live_versions(connection, MODELS)
    assert apply_next_batch(
        connection, statuses, reader, reader.safe_place(), 10_000
    ).models == len(MODELS)
    return live_versions(connection, MODELS)


def test_the_daemon_applies_what_comes_after_lost_events(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    events = RandomHistory(1).generate(300)
    first_head = log_builder.append(events[:100])
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, first_head)
        log_builder.append(events[100:200])
        wait_until_all_at(connection, log_builder.head())
        timeline = reader.timeline
        log_builder.lose_events_after(first_head)
        wait_until(lambda: reader.timeline != timeline)
        wait_until(lambda: set(live_positions(connection).values()) == {first_head}, 60)
        last_head = log_builder.append(events[100:])
        wait_until(lambda: set(live_positions(connection).values()) == {last_head})
    recorded = reader.read(0, last_head, list(EVENT_TYPES), 10_000).events
    assert len(recorded) == len(events)
    assert_live_equals_rebuilt(connection, recorded)


def test_a_version_beyond_the_log_is_failing_and_rebuilt(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    head = log_builder.append(RandomHistory(2).generate(40))
    project_all(connection, reader)
    connection.execute("UPDATE easeboard.projections SET position = 900 WHERE name = 'first'")
    assert mark_lost_versions(connection, MODELS) == ["first"]
    rows = connection.execute(
        "SELECT name, position, error FROM easeboard.projections ORDER BY name"
    ).fetchall()
    assert rows == [
        (
            "first",
            head,
            f"Its checkpoint 900 is beyond the last event of the log, {head}: it is rebuilt.",
        ),
        ("second", head, None),
    ]
    live_version = "SELECT max(version) FROM easeboard.projections WHERE role = 'live'"
    with ProjectionDaemon(database_url, reader, MODELS):
        wait_until(lambda: connection.execute(live_version).fetchone() == (2,))
        wait_until(lambda: live_positions(connection) == {"first": head, "second": head})
    counted = "SELECT count(*), max(position) FROM first_v2.counted"
    assert connection.execute(counted).fetchall() == (
        connection.execute(counted.replace("first_v2", "second_v1")).fetchall()
    )


def test_a_checkpoint_beyond_a_mark_but_not_beyond_the_log_stays(
    connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    head = log_builder.append(RandomHistory(3).generate(40))
    project_all(connection, reader)
    assert mark_lost_versions(connection, MODELS) == []
    assert live_positions(connection) == {"first": head, "second": head}


def test_versions_that_are_older_than_a_restore_of_the_log_are_rebuilt(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    events = RandomHistory(8).generate(120)
    first_head, second_head = (log_builder.append(part) for part in (events[:40], events[40:80]))
    project_all(connection, reader)
    building, _ = start_rebuild(connection, MODELS[1], ID)
    topics = subscribed_topics(MODELS)
    apply_rebuild_batch(connection, building, 0, reader.read(0, second_head, topics, 100))
    log_builder.lose_events_after(first_head)
    connection.execute("UPDATE easeboard.projections SET position = %s", [first_head])
    abandon_rebuild(connection, ID, "a test")
    with ProjectionDaemon(database_url, reader, MODELS):
        reason = "The log was restored, but perhaps not its rows: it is rebuilt."
        wait_until(lambda: _errors(connection, version=1) == [reason, reason])
        wait_until(lambda: set(_errors(connection, role="live")) == {None}, 60)
        last_head = log_builder.append(events[80:])
        wait_until(lambda: live_positions(connection) == {"first": last_head, "second": last_head})
    for name in ("first", "second"):
        (number,) = _numbers(connection, name)
        lost = connection.execute(
            f"SELECT FROM {name}_v{number}.counted WHERE position BETWEEN %s + 1 AND %s",
            [first_head, second_head],
        ).fetchall()
        assert not lost
    assert mark_lost_versions(connection, MODELS) == []


def _errors(connection: Connection, **where: object) -> list[str | None]:
    ((column, value),) = where.items()
    rows = connection.execute(
        f"SELECT error FROM easeboard.projections WHERE {column} = %s ORDER BY name",  # noqa: S608  # our names
        [value],
    ).fetchall()
    return [error for (error,) in rows]


def _numbers(connection: Connection, name: str) -> list[int]:
    rows = connection.execute(
        "SELECT version FROM easeboard.projections WHERE name = %s AND role = 'live'", [name]
    ).fetchall()
    return [number for (number,) in rows]


def test_an_unfinished_rebuild_beyond_the_log_is_not_continued(
    connection: Connection, log_builder: LogBuilder
) -> None:
    log_builder.append(RandomHistory(4).generate(40))
    ensure_versions(connection, MODELS)
    builder = start_rebuild(connection, MODELS[0], ID)[0].builder
    connection.execute("UPDATE easeboard.projections SET position = 900 WHERE role = 'building'")
    rebuild, start = start_rebuild(connection, MODELS[0], builder)
    assert (rebuild.version, start) == (2, 0)
    cursor = connection.execute("SELECT count(*) FROM first_v2.counted")
    assert cursor.fetchall() == [(0,)]


def test_a_batch_of_another_timeline_is_not_applied(
    connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    log_builder.append(RandomHistory(5).generate(40))
    place = reader.safe_place()
    ensure_versions(connection, MODELS)
    statuses = live_versions(connection, MODELS)
    connection.execute("SELECT easeboard.begin_timeline(%s)", [place.timeline])
    assert apply_next_batch(connection, statuses, reader, place, 100).models == 0
    assert live_positions(connection) == {"first": 0, "second": 0}
    place = reader.safe_place()
    assert apply_next_batch(connection, statuses, reader, place, 100).models == 2


def test_versions_move_together_or_not_at_all(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    head = log_builder.append(RandomHistory(6).generate(40))
    ensure_versions(connection, MODELS)
    statuses = live_versions(connection, MODELS)
    place = reader.safe_place()
    with psycopg.connect(database_url) as other:
        other.execute("SELECT FROM easeboard.projections WHERE name = 'second' FOR UPDATE")
        assert apply_next_batch(connection, statuses, reader, place, 100).models == 0
        assert live_positions(connection) == {"first": 0, "second": 0}
        with ProjectionDaemon(database_url, reader, MODELS):
            other.commit()
            wait_until(lambda: live_positions(connection) == {"first": head, "second": head})


def test_a_version_that_moved_meanwhile_holds_the_others_back(
    connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    log_builder.append(RandomHistory(7).generate(40))
    ensure_versions(connection, MODELS)
    statuses = live_versions(connection, MODELS)
    place = reader.safe_place()
    assert apply_next_batch(connection, statuses[:1], reader, place, 100).models == 1
    assert apply_next_batch(connection, statuses, reader, place, 100).models == 0
    assert apply_next_batch(connection, statuses[1:], reader, place, 100).models == 1
    assert len(set(live_positions(connection).values())) == 1
