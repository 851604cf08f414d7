"""An append takes one round trip, takes effect once, and reports why it fails."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from application.event_metadata import with_event_metadata
from domain.connection import Connection
from domain.errors import PersonIsErased, VersionConflict
from domain.sync import Sync
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.errors import (
    DatabaseBusy,
    DatabaseUnavailable,
)
from infrastructure.postgres.pools import WritePool, open_write_pool
from tests.deadlines import scaled
from tests.infrastructure.event_store.aggregate_histories import (
    new_connection,
    requested_sync,
    start_and_record_course,
)
from tests.infrastructure.event_store.postgres_proxy import PostgresProxy
from tests.infrastructure.postgres.refusals import until_unreachable

APPEND_ONE = """
SELECT easeboard.append(
    gen_random_uuid(), %s, false, 'other', NULL, NULL,
    ARRAY[%s]::uuid[], ARRAY[1]::bigint[], ARRAY['Other'], ARRAY['']::bytea[]
)
"""


@pytest.fixture
def proxy(database_url: str) -> Iterator[PostgresProxy]:
    with PostgresProxy(database_url) as proxy:
        yield proxy


@pytest.fixture
def proxied_store(proxy: PostgresProxy, keys: PersonKeys) -> Iterator[EventStore]:
    """A store that uses the proxy; the keys of people are read without it."""
    with open_write_pool(proxy.url, size=2) as pool:
        store = EventStore(pool, keys)
        yield store
        store.close()


def count_events(pool: WritePool, person: UUID) -> int:
    with pool.connection() as connection:
        row = connection.execute(
            "SELECT count(*) FROM easeboard.events WHERE person_id = %s", [person]
        ).fetchone()
    assert row
    return int(row[0])


def test_an_append_is_one_round_trip(proxied_store: EventStore, proxy: PostgresProxy) -> None:
    round_trips = []
    for _ in range(4):
        person = uuid4()
        proxied_store.save_blocking(new_connection(person))
        before = proxy.round_trips
        proxied_store.save_blocking(start_and_record_course(requested_sync(person)))
        round_trips.append(proxy.round_trips - before)
    assert min(round_trips) == 1, "the first append of a connection prepares it"


def test_an_append_with_a_lost_response_takes_effect_once(
    proxied_store: EventStore, proxy: PostgresProxy, pool: WritePool
) -> None:
    person = uuid4()
    proxied_store.save_blocking(new_connection(person))
    sync = start_and_record_course(requested_sync(person))
    with with_event_metadata("student") as metadata:
        proxy.drop_responses(1)
        proxied_store.save_blocking(sync)
    assert proxy.dropped_responses == 1
    assert count_events(pool, person) == 1 + sync.version
    assert metadata.appended
    assert metadata.appended.position == 1 + sync.version
    assert sync.pending_events == []


def test_an_append_survives_two_lost_responses_in_a_row(
    proxied_store: EventStore, proxy: PostgresProxy, pool: WritePool
) -> None:
    person = uuid4()
    proxied_store.save_blocking(new_connection(person))
    proxy.drop_responses(2)
    proxied_store.save_blocking(requested_sync(person))
    assert (proxy.dropped_responses, count_events(pool, person)) == (2, 2)


def test_a_conflict_is_reported_after_a_lost_response(
    proxied_store: EventStore, proxy: PostgresProxy, store: EventStore
) -> None:
    person = uuid4()
    proxied_store.save_blocking(new_connection(person))
    store.save_blocking(requested_sync(person))
    proxy.drop_responses(1)
    with pytest.raises(VersionConflict):
        proxied_store.save_blocking(requested_sync(person))


@pytest.mark.ordinary_waits
def test_an_unreachable_database_is_reported(
    proxied_store: EventStore, proxy: PostgresProxy
) -> None:
    person = uuid4()
    proxied_store.save_blocking(new_connection(person))
    proxy.drop_responses(1, then_close=True)
    started_at = monotonic()
    with pytest.raises(DatabaseUnavailable):
        proxied_store.save_blocking(requested_sync(person))
    until_unreachable(lambda: proxied_store.load_blocking(Sync, uuid4()))
    assert monotonic() - started_at < scaled(5)


@pytest.mark.ordinary_waits
async def test_an_exhausted_pool_is_reported_within_three_seconds(
    database_url: str, keys: PersonKeys
) -> None:
    with open_write_pool(database_url, size=1) as pool:
        store = EventStore(pool, keys)
        with pool.connection():
            started_at = monotonic()
            with pytest.raises(DatabaseBusy):
                await store.load(Sync, uuid4())
            assert monotonic() - started_at < scaled(3)
        assert not (await store.load(Sync, uuid4())).exists
        store.close()


def test_a_deadlock_between_appends_is_a_version_conflict(
    store: EventStore, database_url: str, postgres_url: str
) -> None:
    person = uuid4()
    connection, sync = new_connection(person), requested_sync(person)
    store.load_blocking(Sync, sync.id)  # The first use of a log begins its timeline.
    database = str(conninfo_to_dict(database_url)["dbname"])
    other_url = make_conninfo(postgres_url, dbname=database, options="-c deadlock_timeout=30s")
    with psycopg.connect(other_url) as other, ThreadPoolExecutor(1) as thread:
        other.execute(APPEND_ONE, [person, sync.id])
        save = thread.submit(store.save_blocking, connection, sync)
        wait_until_blocked(database_url)
        other.execute(APPEND_ONE, [person, connection.id])
        with pytest.raises(VersionConflict):
            save.result()
        other.rollback()
    store.save_blocking(connection, sync)


def test_a_refused_append_stores_no_key(
    store: EventStore, pool: WritePool, keys: PersonKeys, database_url: str
) -> None:
    person = uuid4()
    sync = requested_sync(person)
    with psycopg.connect(database_url) as other:
        other.execute(APPEND_ONE, [person, sync.id])
    with pytest.raises(VersionConflict):
        store.save_blocking(sync)
    assert keys.decryption_keys({person}) == {}
    store.save_blocking(new_connection(person))
    assert keys.decryption_keys({person})
    assert count_events(pool, person) == 2


def test_a_key_that_another_append_creates_first_is_used(
    store: EventStore, keys: PersonKeys, database_url: str
) -> None:
    person = uuid4()
    store.load_blocking(Sync, uuid4())
    with psycopg.connect(database_url) as other, ThreadPoolExecutor(1) as thread:
        new_key = keys.new_key(person)
        assert new_key
        cipher, storing = new_key
        other.execute(storing.statement, storing.values)
        save = thread.submit(store.save_blocking, new_connection(person))
        wait_until_blocked(database_url)
        other.commit()
        save.result()
    stored = cipher.encrypt(bytes(12), b"text", None)
    assert keys.encryption_key(person).decrypt(bytes(12), stored, None) == b"text"
    assert store.load_blocking(Connection, new_connection(person).id).exists


def wait_until_blocked(url: str) -> None:
    deadline = monotonic() + scaled(10)
    with psycopg.connect(url, autocommit=True) as connection:
        while monotonic() < deadline:
            row = connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
            if row and row[0]:
                return
    raise AssertionError("no session waits for a lock")


def test_no_events_are_appended_for_an_erased_person(store: EventStore, keys: PersonKeys) -> None:
    person = uuid4()
    store.save_blocking(new_connection(person))
    keys.destroy(person)
    with pytest.raises(PersonIsErased) as error:
        store.save_blocking(requested_sync(person))
    assert error.value == PersonIsErased(person)


def test_no_events_are_appended_for_an_erased_person_whose_key_is_cached(
    store: EventStore, pool: WritePool, keys: PersonKeys
) -> None:
    person = uuid4()
    store.save_blocking(new_connection(person))
    assert keys.encryption_key(person)
    PersonKeys(pool, keys._ring).destroy(person)
    assert keys.encryption_key(person)
    with pytest.raises(PersonIsErased):
        store.save_blocking(requested_sync(person))


def test_the_callback_runs_after_each_append(pool: WritePool, keys: PersonKeys) -> None:
    calls: list[str] = []
    store = EventStore(pool, keys, on_append=lambda: calls.append("append"))
    person = uuid4()
    store.save_blocking(new_connection(person))
    store.save_blocking()
    with pytest.raises(VersionConflict):
        store.save_blocking(new_connection(person))
    store.close()
    assert calls == ["append"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE easeboard.events SET actor = 'other'",
        "DELETE FROM easeboard.events WHERE false",
        "TRUNCATE easeboard.events",
    ],
)
def test_recorded_events_cannot_be_changed(database_url: str, change: str) -> None:
    with (
        psycopg.connect(database_url) as connection,
        pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="is history"),
    ):
        connection.execute(change.encode())
