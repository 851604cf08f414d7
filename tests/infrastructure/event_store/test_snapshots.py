"""A snapshot makes loading shorter and changes nothing else."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import orjson
import pytest

from domain.aggregate import Aggregate
from domain.connection import Connection
from domain.sync import Sync
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.encryption import NONCE_BYTES, encrypt
from infrastructure.event_store.rehydrate import snapshot_state
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.pools import WritePool
from tests.infrastructure.event_store.aggregate_histories import (
    new_connection,
    requested_sync,
    save_snapshot_of,
    start_and_record_course,
)

SELECT_SNAPSHOTS = "SELECT version, topic, state FROM easeboard.snapshots WHERE stream = %s"


@pytest.fixture
def person() -> UUID:
    return uuid4()


@pytest.fixture
def sync(store: EventStore, person: UUID) -> Sync:
    """A saved sync, as loaded from its events."""
    sync = start_and_record_course(requested_sync(person))
    store.save_blocking(sync)
    return store.load_blocking(Sync, sync.id)


def with_marker(sync: Sync) -> Sync:
    """Set a value that no event sets, which shows that the snapshot was loaded."""
    sync.last_completed_at = "from the snapshot"
    return sync


def take_snapshot(store: EventStore, sync: Sync) -> None:
    """Save a snapshot of this aggregate, even if it differs from the log."""
    save_snapshot_of(store, sync)


def fetch_snapshots(pool: WritePool, stream: UUID) -> list[tuple[int, str, bytes]]:
    with pool.connection() as connection:
        return connection.execute(SELECT_SNAPSHOTS, [stream]).fetchall()


def test_a_snapshot_restores_the_aggregate_unchanged(store: EventStore, sync: Sync) -> None:
    take_snapshot(store, with_marker(sync))
    loaded = store.load_blocking(Sync, sync.id)
    assert loaded == sync
    assert isinstance(loaded.person_id, UUID)
    assert loaded.modified_on == sync.modified_on != datetime(1970, 1, 1, tzinfo=UTC)


def test_a_snapshot_of_a_just_saved_aggregate_has_the_times_of_the_log(store: EventStore) -> None:
    sync = start_and_record_course(requested_sync(uuid4()))
    store.save_blocking(sync)
    expected = store.load_blocking(Sync, sync.id)
    store.save_snapshot_blocking(sync)
    assert store.load_blocking(Sync, sync.id) == expected


def test_a_snapshot_restores_a_connection_unchanged(store: EventStore, person: UUID) -> None:
    connection = new_connection(person)
    connection.record_validation("Ada Lovelace")
    store.save_blocking(connection)
    expected = store.load_blocking(Connection, connection.id)
    store.save_snapshot_blocking(expected)
    assert store.load_blocking(Connection, connection.id) == expected


def test_events_after_a_snapshot_are_applied_to_it(store: EventStore, sync: Sync) -> None:
    take_snapshot(store, with_marker(sync))
    sync.cancel()
    store.save_blocking(sync)
    loaded = store.load_blocking(Sync, sync.id)
    assert (loaded.version, loaded.last_completed_at) == (sync.version, "from the snapshot")
    assert loaded.active_run is None


def test_a_version_before_the_snapshot_is_rehydrated_from_events(
    store: EventStore, sync: Sync
) -> None:
    take_snapshot(store, with_marker(sync))
    for version in (0, 1):
        loaded = store.load_blocking(Sync, sync.id, version=version)
        assert (loaded.version, loaded.last_completed_at) == (version, None)


def test_no_snapshot_is_taken_before_the_interval_has_passed(
    store: EventStore, pool: WritePool, sync: Sync
) -> None:
    store.save_snapshot_blocking(sync)
    first = fetch_snapshots(pool, sync.id)
    sync.cancel()
    store.save_blocking(sync)
    store.save_snapshot_blocking(sync)
    assert fetch_snapshots(pool, sync.id) == first


def test_no_snapshot_is_taken_of_unsaved_events(
    store: EventStore, pool: WritePool, sync: Sync
) -> None:
    sync.cancel()
    store.save_snapshot_blocking(sync)
    assert fetch_snapshots(pool, sync.id) == []


def test_a_snapshot_is_encrypted(store: EventStore, pool: WritePool, sync: Sync) -> None:
    store.save_snapshot_blocking(sync)
    ((_, _, state),) = fetch_snapshots(pool, sync.id)
    assert b"Problem" not in state
    assert state[0] & 2


def test_the_snapshot_of_an_erased_person_is_not_used(
    store: EventStore, sync: Sync, keys: PersonKeys
) -> None:
    take_snapshot(store, with_marker(sync))
    keys.destroy(sync.person_id)
    loaded = store.load_blocking(Sync, sync.id)
    assert (loaded.version, loaded.last_completed_at, loaded.courses) == (sync.version, None, {})
    store.save_snapshot_blocking(sync)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE easeboard.snapshots SET state = set_byte(state, 40, 255 - get_byte(state, 40))",
        "UPDATE easeboard.snapshots SET state = '\\x00'::bytea || convert_to('{}', 'UTF8')",
        "UPDATE easeboard.snapshots SET state = ''",
        "UPDATE easeboard.snapshots SET version = version - 1",
    ],
)
def test_an_unreadable_snapshot_is_ignored(
    store: EventStore, pool: WritePool, sync: Sync, change: str
) -> None:
    take_snapshot(store, with_marker(sync))
    with pool.connection() as connection:
        assert connection.execute(change.encode()).rowcount == 1
    assert store.load_blocking(Sync, sync.id).last_completed_at is None


def test_a_snapshot_of_another_class_version_is_ignored(
    pool: WritePool, keys: PersonKeys, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = EventStore(pool, keys, snapshot_interval_events=1)
    take_snapshot(store, with_marker(sync))
    monkeypatch.setattr(Sync, "class_version", Sync.class_version + 1)
    newer = EventStore(pool, keys, snapshot_interval_events=1)
    loaded = newer.load_blocking(Sync, sync.id)
    assert loaded.last_completed_at is None
    take_snapshot(newer, with_marker(loaded))
    assert newer.load_blocking(Sync, sync.id).last_completed_at == "from the snapshot"
    for event_store in (store, newer):
        event_store.close()


def test_a_snapshot_with_other_attributes_is_ignored(
    store: EventStore,
    pool: WritePool,
    keys: PersonKeys,
    sync: Sync,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    take_snapshot(store, with_marker(sync))
    reset = Sync.reset

    def reset_otherwise(self: Aggregate) -> None:
        reset(self)  # type: ignore[arg-type]  # a Sync
        self.later_attribute = 1  # type: ignore[attr-defined]  # of a later version

    monkeypatch.setattr(Sync, "reset", reset_otherwise)
    newer = EventStore(pool, keys)
    assert newer.load_blocking(Sync, sync.id).last_completed_at is None
    newer.close()


def delete_events_after(pool: WritePool, stream: UUID, version: int) -> None:
    """Delete the newest events of a stream, as a restore of the log alone does."""
    with pool.connection() as connection:
        connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER events_are_history")
        connection.execute(
            "DELETE FROM easeboard.events WHERE stream = %s AND version > %s", [stream, version]
        )
        connection.execute("ALTER TABLE easeboard.events ENABLE TRIGGER events_are_history")


def test_a_snapshot_beyond_the_log_is_ignored_and_replaced(
    store: EventStore, pool: WritePool, sync: Sync
) -> None:
    take_snapshot(store, with_marker(sync))
    delete_events_after(pool, sync.id, sync.version - 1)
    loaded = store.load_blocking(Sync, sync.id)
    assert (loaded.version, loaded.last_completed_at) == (sync.version - 1, None)
    take_snapshot(store, with_marker(loaded))
    assert store.load_blocking(Sync, sync.id).last_completed_at == "from the snapshot"


def test_a_snapshot_of_lost_events_is_ignored_when_the_stream_has_its_version_again(
    store: EventStore, pool: WritePool, sync: Sync
) -> None:
    take_snapshot(store, with_marker(sync))
    delete_events_after(pool, sync.id, sync.version - 1)
    loaded = store.load_blocking(Sync, sync.id)
    loaded.cancel()
    store.save_blocking(loaded)
    again = store.load_blocking(Sync, sync.id)
    assert (again.version, again.last_completed_at) == (sync.version, None)
    assert again.active_run is None


@pytest.mark.parametrize("state", [[], "text", {"_created_on": 5}])
def test_a_snapshot_that_has_another_form_is_ignored(
    store: EventStore, pool: WritePool, sync: Sync, keys: PersonKeys, state: object
) -> None:
    take_snapshot(store, sync)
    snapshots = store._snapshots_of(Sync)
    if isinstance(state, dict):
        state = {**snapshot_state(sync), **state}
    stored = encrypt(
        orjson.dumps(state),
        keys.encryption_key(sync.person_id),
        bytes(NONCE_BYTES),
        snapshots._associated_data(sync.id, sync.version),
    )
    with pool.connection() as connection:
        connection.execute("UPDATE easeboard.snapshots SET state = %s", [stored])
    assert store.load_blocking(Sync, sync.id) == sync
    assert snapshots.is_due(sync)


async def test_a_connection_with_many_validations_is_loaded_from_a_snapshot(
    store: EventStore, pool: WritePool, person: UUID
) -> None:
    connection = new_connection(person)
    await store.save(connection)

    def validate(loaded: Connection) -> None:
        loaded.record_validation("Ada Lovelace")

    for _ in range(5):
        await store.record(Connection, connection.id, validate)
    loaded = store.load_blocking(Connection, connection.id)
    snapshot, rows = store._snapshots_of(Connection).load(connection.id, None)
    assert snapshot
    assert snapshot.originator_version + len(rows) == loaded.version == connection.version + 5
    assert len(rows) <= 2
    with pool.connection() as database:
        database.execute("DELETE FROM easeboard.snapshots")
    assert store.load_blocking(Connection, connection.id) == loaded
