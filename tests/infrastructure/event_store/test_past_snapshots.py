"""Snapshots of the past make the states that were quick to rebuild, and change nothing else."""

from collections.abc import AsyncIterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.connection import Connection
from infrastructure.event_store import past_snapshots, snapshots
from infrastructure.event_store.past_snapshots import missing_versions
from infrastructure.event_store.snapshots import Snapshots
from infrastructure.event_store.store import EventStore
from infrastructure.event_store.stream_positions import first_position_since, newest_position
from infrastructure.postgres.pools import ReadPool, WritePool, open_read_pool
from tests.infrastructure.event_store.aggregate_histories import new_connection, save_snapshot_of

TOPIC = "Connection/1"


@pytest.fixture
def short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot of the past at each tenth event, so that a stream need not be long."""
    for module in (past_snapshots, snapshots):
        monkeypatch.setattr(module, "PAST_INTERVAL_EVENTS", 10)


@pytest.fixture
async def read_pool(database_url: str) -> AsyncIterator[ReadPool]:
    async with open_read_pool(database_url, size=1) as pool:
        yield pool


def grow(store: EventStore, connection: Connection, total: int) -> Connection:
    """Add validations until the stream has so many events; returns it with the times of the log."""
    while connection.version < total:
        connection.record_validation(f"Ada {connection.version}")
    store.save_blocking(connection)
    return store.load_blocking(Connection, connection.id)


def take(store: EventStore, connection: Connection) -> None:
    save_snapshot_of(store, connection)


def fill(store: EventStore, connection: Connection) -> None:
    def load(version: int) -> Connection:
        return store.load_blocking(Connection, connection.id, version=version)

    store._snapshots_of(Connection).fill_past(connection.id, connection.version, load)


def query(pool: WritePool, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with pool.connection() as connection:
        cursor = connection.execute(statement.encode(), values)
        return cursor.fetchall() if cursor.description else []


def kept(pool: WritePool, stream: UUID) -> list[int]:
    """Return the versions of the kept snapshots that have their state."""
    statement = """
    SELECT version FROM easeboard.past_snapshots WHERE stream = %s AND state IS NOT NULL
     ORDER BY version
    """
    return [version for (version,) in query(pool, statement, stream)]


def loaded_rows(store: EventStore, stream: UUID, version: int) -> int:
    """Return how many events are applied to load a version."""
    return len(store._snapshots_of(Connection).load(stream, version).rows)


@pytest.mark.usefixtures("short_intervals")
def test_every_state_that_was_is_rebuilt_from_few_events(
    store: EventStore, pool: WritePool
) -> None:
    connection = new_connection(uuid4())
    expected = {}
    for total in range(1, 60):
        connection = grow(store, connection, total)
        expected[total] = deepcopy(connection)
        if total % 3 == 0:
            take(store, connection)
    stream = connection.id
    assert kept(pool, stream) == [12, 24, 36, 48]
    for version, before in expected.items():
        assert store.load_blocking(Connection, stream, version=version) == before
        assert loaded_rows(store, stream, version) < 12
    query(pool, "DELETE FROM easeboard.past_snapshots")
    assert loaded_rows(store, stream, 50) == 50


@pytest.mark.usefixtures("short_intervals")
def test_what_a_stream_lacks_is_added_with_its_next_snapshot(
    store: EventStore, pool: WritePool
) -> None:
    connection = grow(store, new_connection(uuid4()), 57)
    store.save_snapshot_blocking(connection)
    assert kept(pool, connection.id) == [10, 20, 30, 40, 57]
    assert missing_versions(pool, connection.id, TOPIC) == []
    assert store.load_blocking(Connection, connection.id, version=33).canvas_user_name == "Ada 32"
    assert loaded_rows(store, connection.id, 33) == 3


@pytest.mark.usefixtures("short_intervals")
def test_not_everything_is_added_at_once(
    store: EventStore, pool: WritePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past_snapshots, "MAX_FILLED_GAPS", 2)
    connection = grow(store, new_connection(uuid4()), 57)
    take(store, connection)
    assert kept(pool, connection.id) == [57]
    fill(store, connection)
    assert kept(pool, connection.id) == [10, 20, 57]
    fill(store, connection)
    assert kept(pool, connection.id) == [10, 20, 30, 40, 57]


@pytest.mark.usefixtures("short_intervals")
def test_snapshots_of_an_older_form_are_replaced(store: EventStore, pool: WritePool) -> None:
    connection = grow(store, new_connection(uuid4()), 31)
    store.save_snapshot_blocking(connection)
    query(pool, "UPDATE easeboard.past_snapshots SET topic = 'Connection/0'")
    assert loaded_rows(store, connection.id, 30) == 30
    fill(store, connection)
    topics = query(pool, "SELECT version, topic FROM easeboard.past_snapshots ORDER BY version")
    assert topics == [(10, TOPIC), (20, TOPIC), (31, TOPIC)]
    query(pool, "UPDATE easeboard.past_snapshots SET topic = 'Connection/2'")
    assert missing_versions(pool, connection.id, TOPIC) == []


@pytest.mark.usefixtures("short_intervals")
def test_their_number_is_bounded_and_the_newest_ones_are_the_closest(
    store: EventStore, pool: WritePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past_snapshots, "MAX_PAST_STATES", 4)
    connection = new_connection(uuid4())
    for total in range(10, 201, 10):
        connection = grow(store, connection, total)
        take(store, connection)
        versions = kept(pool, connection.id)
        assert len(versions) <= 4
        steps = [after - before for before, after in pairwise([0, *versions])]
        assert steps == sorted(steps, reverse=True)
        assert versions[-1] >= total - 10
    assert missing_versions(pool, connection.id, TOPIC) == []
    for version in range(1, 201, 7):
        loaded = store.load_blocking(Connection, connection.id, version=version)
        assert loaded.version == version


@pytest.mark.usefixtures("short_intervals")
def test_snapshots_of_the_past_are_encrypted_and_end_with_the_person(
    store: EventStore, pool: WritePool
) -> None:
    connection = grow(store, new_connection(uuid4()), 35)
    store.save_snapshot_blocking(connection)
    for (state,) in query(pool, "SELECT state FROM easeboard.past_snapshots"):
        assert b"Ada" not in state
    store._keys.destroy(connection.person_id)  # type: ignore[attr-defined]  # of PersonKeys
    loaded = store.load_blocking(Connection, connection.id, version=25)
    assert (loaded.version, loaded.canvas_user_name) == (25, "")
    fill(store, connection)


@pytest.mark.usefixtures("short_intervals")
def test_a_snapshot_of_events_that_the_log_has_lost_is_not_used(
    store: EventStore, pool: WritePool
) -> None:
    connection = grow(store, new_connection(uuid4()), 25)
    store.save_snapshot_blocking(connection)
    query(pool, "ALTER TABLE easeboard.events DISABLE TRIGGER events_are_history")
    query(pool, "DELETE FROM easeboard.events WHERE version > 15")
    query(pool, "DELETE FROM easeboard.snapshots")
    again = store.load_blocking(Connection, connection.id)
    assert again.version == 15
    again.reject_token("revoked")
    again.rotate_token("42", "ffffffff")
    again = grow(store, again, 40)
    assert (again.version, again.token_fingerprint) == (40, "ffffffff")
    for version in (16, 25, 26, 30, 40):
        loaded = store.load_blocking(Connection, connection.id, version=version)
        assert loaded.version == version
        assert loaded.token_fingerprint == ("ffffffff" if version > 16 else "c0ffee00")
    take(store, again)
    assert kept(pool, connection.id) == [10, 25, 40]


def test_a_long_stream_is_read_in_parts(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = grow(store, new_connection(uuid4()), 23)
    for most in (1, 2, 11, 23, 24):
        monkeypatch.setattr(snapshots, "MAX_ROWS", most)
        assert store.load_blocking(Connection, connection.id) == connection
        assert store.load_blocking(Connection, connection.id, version=12).version == 12


@pytest.mark.usefixtures("short_intervals")
async def test_an_event_is_found_by_its_time_whatever_the_clock_showed(
    store: EventStore, pool: WritePool, read_pool: ReadPool
) -> None:
    random, start = Random(5), datetime(2026, 9, 1, tzinfo=UTC)
    connection = grow(store, new_connection(uuid4()), 60)
    query(pool, "ALTER TABLE easeboard.events DISABLE TRIGGER events_are_history")
    times = [start + timedelta(seconds=random.randrange(40)) for _ in range(20)]
    times += [start + timedelta(seconds=40 + nth) for nth in range(40)]
    for version, at in enumerate(times, 1):
        query(pool, "UPDATE easeboard.events SET recorded_at = %s WHERE version = %s", at, version)
    stream = [connection.id]

    async def found(seconds: int) -> tuple[int, int, int, int | None]:
        at = start + timedelta(seconds=seconds)
        return (
            await newest_position(read_pool, stream, at=at),
            await newest_position(read_pool, stream, before=at),
            await newest_position(read_pool, stream, at=at, up_to=30),
            await first_position_since(read_pool, stream, at),
        )

    expected = [await found(seconds) for seconds in range(-1, 82)]
    assert len(set(expected)) > 40
    take(store, store.load_blocking(Connection, connection.id))
    assert [await found(seconds) for seconds in range(-1, 82)] == expected
    fill(store, connection)
    assert len(kept(pool, connection.id)) == 6
    assert [await found(seconds) for seconds in range(-1, 82)] == expected
    query(pool, "UPDATE easeboard.past_snapshots SET state = NULL")
    assert [await found(seconds) for seconds in range(-1, 82)] == expected
    query(pool, "UPDATE easeboard.past_snapshots SET event_id = gen_random_uuid()")
    query(pool, "UPDATE easeboard.past_snapshots SET latest_at = '-infinity'")
    assert [await found(seconds) for seconds in range(-1, 82)] == expected


@pytest.mark.usefixtures("short_intervals")
def test_large_states_are_kept_less_often(
    store: EventStore, pool: WritePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past_snapshots, "MAX_BYTES_OF_EVENT", 20)
    connection = grow(store, new_connection(uuid4()), 95)
    store.save_snapshot_blocking(connection)
    first, second, *_ = kept(pool, connection.id)
    assert first > 15
    assert second - first == first
    assert missing_versions(pool, connection.id, TOPIC) == []


def test_a_short_stream_has_none(store: EventStore, pool: WritePool) -> None:
    connection = grow(store, new_connection(uuid4()), 150)
    store.save_snapshot_blocking(connection)
    assert isinstance(store._snapshots_of(Connection), Snapshots)
    assert kept(pool, connection.id) == []
