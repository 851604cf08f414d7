"""One process at a time owns a read model, and nothing is written by one that has lost it."""

from collections.abc import Sequence
from typing import Any

import psycopg
import pytest

from infrastructure.event_store.log_reader import LogReader
from infrastructure.projection_engine.apply_batch import apply_next_batch
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.ownership import Ownership
from infrastructure.projection_engine.pause import pause_projection, resume_projection
from infrastructure.projection_engine.versions import VersionStatus, live_versions
from projections.registry import READ_MODELS, READ_TOGETHER
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
MODELS = [CountingReadModel(name) for name in ("first", "second", "third", "fourth")]
EXPIRE = """
WITH dead AS (DELETE FROM easeboard.projectors)
UPDATE easeboard.projection_owners SET until = clock_timestamp() - interval '2 s'
"""
SELECT_UNOWNED = (
    "SELECT min(unowned_seconds), max(unowned_seconds) FROM easeboard.projection_owners"
)


def owners_of(connection: Connection) -> dict[str, str]:
    """Return the owner of each read model whose lease lasts."""
    return dict(
        connection.execute(
            "SELECT name, owner FROM easeboard.projection_owners WHERE until >= clock_timestamp()"
            " ORDER BY name"
        ).fetchall()
    )


def renew(ownership: Ownership, connection: Connection) -> None:
    """Renew now."""
    ownership._next_renewal = 0.0
    ownership.renew_if_due(connection)


def owned(ownership: Ownership, connection: Connection) -> list[VersionStatus]:
    return ownership.owned(live_versions(connection, MODELS))


def names_of(statuses: Sequence[VersionStatus]) -> list[str]:
    return sorted(status.model.name for status in statuses)


@pytest.fixture
def first(database_url: str, connection: Connection) -> Ownership:
    """The ownership of a process that owns all four read models."""
    ensure_read_models(database_url, MODELS)
    ownership = Ownership("one", MODELS)
    assert ownership.renew_if_due(connection)
    assert len(owned(ownership, connection)) == 4
    return ownership


def test_a_new_process_gets_half_at_once_and_returns_it_when_it_stops(
    connection: Connection, first: Ownership
) -> None:
    second = Ownership("two", MODELS)
    renew(second, connection)
    assert owned(second, connection) == [], "all have an owner"
    renew(first, connection)
    assert sorted(owners_of(connection).values()) == ["one", "one", "two", "two"]
    renew(second, connection)
    assert len(owned(second, connection)) == 2
    second.release(connection)
    assert set(owners_of(connection).values()) == {"one"}
    renew(first, connection)
    assert len(owned(first, connection)) == 4
    assert connection.execute(SELECT_UNOWNED).fetchall() == [(0.0, 0.0)]


def test_what_a_dead_process_owned_is_taken_over_and_the_time_is_counted(
    connection: Connection, first: Ownership
) -> None:
    second = Ownership("two", MODELS)
    connection.execute(EXPIRE)
    renew(second, connection)
    assert len(owned(second, connection)) == 4
    least, most = connection.execute(SELECT_UNOWNED).fetchall()[0]
    assert 2 <= least <= most < 30
    assert first.process_name not in owners_of(connection).values()


def test_a_process_that_lost_its_lease_writes_nothing(
    connection: Connection, reader: LogReader, log_builder: LogBuilder, first: Ownership
) -> None:
    log_builder.append(RandomHistory(41).generate(30))
    place = reader.safe_place()
    stale = owned(first, connection)
    connection.execute(EXPIRE)
    second = Ownership("two", MODELS)
    renew(second, connection)
    assert apply_next_batch(connection, stale, reader, place, 100, owner="one").models == 0
    assert set(live_positions(connection).values()) == {0}
    current = owned(second, connection)
    assert apply_next_batch(connection, current, reader, place, 100, owner="two").models == 4


def test_nobody_takes_a_read_model_while_its_owner_commits(
    database_url: str, connection: Connection, first: Ownership
) -> None:
    assert first
    connection.execute(EXPIRE)
    with psycopg.connect(database_url) as committing:
        committing.execute("SELECT FROM easeboard.projection_owners WHERE name = 'first' FOR SHARE")
        second = Ownership("two", MODELS)
        renew(second, connection)
        assert names_of(owned(second, connection)) == ["fourth", "second", "third"]
    renew(second, connection)
    assert len(owned(second, connection)) == 4


def test_a_pause_survives_a_change_of_the_owner(
    connection: Connection, reader: LogReader, log_builder: LogBuilder, database_url: str
) -> None:
    events = RandomHistory(42).generate(40)
    first_head = log_builder.append(events[:20])
    with ProjectionDaemon(database_url, reader, MODELS, process_name="one"):
        wait_until_all_at(connection, first_head)
        pause_projection(connection, "second")
    with ProjectionDaemon(database_url, reader, MODELS, process_name="two"):
        head = log_builder.append(events[20:])
        wait_until(lambda: live_positions(connection)["first"] == head)
        assert live_positions(connection)["second"] == first_head
        assert set(owners_of(connection).values()) == {"two"}
        resume_projection(connection, "second")
        wait_until_all_at(connection, head)


def test_two_daemons_divide_the_read_models_and_apply_all_events(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    events = RandomHistory(44).generate(200)
    log_builder.append(events[:100])
    options: dict[str, Any] = {"read_together": READ_TOGETHER}
    with (
        ProjectionDaemon(database_url, reader, READ_MODELS, process_name="one", **options),
        ProjectionDaemon(database_url, reader, READ_MODELS, process_name="two", **options),
    ):
        wait_until(lambda: len(set(owners_of(connection).values())) == 2)
        owners = owners_of(connection)
        assert len({owners[name] for name in READ_TOGETHER[0]}) == 1
        assert sorted(map([*owners.values()].count, ("one", "two"))) == [3, 4]
        log_builder.append(events[100:])
        wait_until_all_at(connection, log_builder.head())
    assert owners_of(connection) == {}
    assert_live_equals_rebuilt(connection, events)
