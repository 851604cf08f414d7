"""A snapshot shortens a load and changes nothing else."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from domain.aggregate import Aggregate
from domain.connection import Connection
from domain.sync import Sync
from infrastructure.crypto.person_keys import PeopleKeys
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.execute import Pool
from tests.infrastructure.event_store.aggregate_histories import connection_of, run, sync_of

ROWS = "SELECT version, topic, state FROM easeboard.snapshots WHERE stream = %s"


@pytest.fixture
def person() -> UUID:
    return uuid4()


@pytest.fixture
def sync(store: EventStore, person: UUID) -> Sync:
    """A saved synchronisation as it is loaded from its events."""
    sync = run(sync_of(person))
    store.save_now(sync)
    return store.load_now(Sync, sync.id)


def marked(sync: Sync) -> Sync:
    """One that no events would give: whoever loads it back has read the snapshot."""
    sync.last_completed_at = "from the snapshot"
    return sync


def keep(store: EventStore, sync: Sync) -> None:
    """Keep this very aggregate, whatever the log says."""
    store._snapshots_of(Sync).take(sync)


def rows(pool: Pool, stream: UUID) -> list[tuple[int, str, bytes]]:
    with pool.connection() as connection:
        return connection.execute(ROWS, [stream]).fetchall()


def test_a_snapshot_is_exactly_what_it_was_taken_of(store: EventStore, sync: Sync) -> None:
    keep(store, marked(sync))
    loaded = store.load_now(Sync, sync.id)
    assert loaded == sync
    assert isinstance(loaded.person_id, UUID)
    assert loaded.modified_on == sync.modified_on != datetime(1970, 1, 1, tzinfo=UTC)


def test_one_of_what_was_just_saved_tells_the_time_of_the_log(store: EventStore) -> None:
    fresh = run(sync_of(uuid4()))
    store.save_now(fresh)
    plain = store.load_now(Sync, fresh.id)
    store.remember_now(fresh)
    assert store.load_now(Sync, fresh.id) == plain


def test_so_is_a_connections(store: EventStore, person: UUID) -> None:
    connection = connection_of(person)
    connection.confirm("Ada Lovelace")
    store.save_now(connection)
    plain = store.load_now(Connection, connection.id)
    store.remember_now(plain)
    assert store.load_now(Connection, connection.id) == plain


def test_later_events_follow_a_snapshot(store: EventStore, sync: Sync) -> None:
    keep(store, marked(sync))
    sync.cancel()
    store.save_now(sync)
    loaded = store.load_now(Sync, sync.id)
    assert (loaded.version, loaded.last_completed_at) == (sync.version, "from the snapshot")
    assert loaded.live is None


def test_an_earlier_version_is_folded_from_events(store: EventStore, sync: Sync) -> None:
    keep(store, marked(sync))
    for version in (0, 1):
        loaded = store.load_now(Sync, sync.id, version=version)
        assert (loaded.version, loaded.last_completed_at) == (version, None)


def test_one_is_taken_only_now_and_then(store: EventStore, pool: Pool, sync: Sync) -> None:
    store.remember_now(sync)
    first = rows(pool, sync.id)
    sync.cancel()
    store.save_now(sync)
    store.remember_now(sync)
    assert rows(pool, sync.id) == first


def test_nothing_unsaved_is_remembered(store: EventStore, pool: Pool, sync: Sync) -> None:
    sync.cancel()
    store.remember_now(sync)
    assert rows(pool, sync.id) == []


def test_it_is_sealed(store: EventStore, pool: Pool, sync: Sync) -> None:
    store.remember_now(sync)
    ((_, _, state),) = rows(pool, sync.id)
    assert b"Problem" not in state
    assert state[0] & 2


def test_an_erased_persons_snapshot_is_none(
    store: EventStore, sync: Sync, keys: PeopleKeys
) -> None:
    keep(store, marked(sync))
    keys.destroy(sync.person_id)
    loaded = store.load_now(Sync, sync.id)
    assert (loaded.version, loaded.last_completed_at, loaded.courses) == (sync.version, None, {})
    store.remember_now(sync)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE easeboard.snapshots SET state = overlay(state PLACING '\\x00' FROM 40)",
        "UPDATE easeboard.snapshots SET state = '\\x00'::bytea || convert_to('{}', 'UTF8')",
        "UPDATE easeboard.snapshots SET state = ''",
        "UPDATE easeboard.snapshots SET version = version - 1",
    ],
)
def test_one_that_cannot_be_read_is_ignored(
    store: EventStore, pool: Pool, sync: Sync, change: str
) -> None:
    keep(store, marked(sync))
    with pool.connection() as connection:
        assert connection.execute(change.encode()).rowcount == 1
    assert store.load_now(Sync, sync.id).last_completed_at is None


def test_one_of_another_version_of_the_class_is_ignored(
    pool: Pool, keys: PeopleKeys, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = EventStore(pool, keys, snapshot_every=1)
    keep(store, marked(sync))
    monkeypatch.setattr(Sync, "class_version", Sync.class_version + 1)
    newer = EventStore(pool, keys, snapshot_every=1)
    loaded = newer.load_now(Sync, sync.id)
    assert loaded.last_completed_at is None
    keep(newer, marked(loaded))
    assert newer.load_now(Sync, sync.id).last_completed_at == "from the snapshot"
    for each in (store, newer):
        each.close()


def test_one_of_a_class_with_other_attributes_is_ignored(
    store: EventStore, pool: Pool, keys: PeopleKeys, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(store, marked(sync))
    begin = Sync.begin

    def begin_otherwise(self: Aggregate) -> None:
        begin(self)  # type: ignore[arg-type]  # a Sync
        self.weather = "fine"  # type: ignore[attr-defined]  # an attribute of tomorrow

    monkeypatch.setattr(Sync, "begin", begin_otherwise)
    newer = EventStore(pool, keys)
    assert newer.load_now(Sync, sync.id).last_completed_at is None
    newer.close()
