"""What many callers load together is what each would load alone: no one suffers from another."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import UUID, uuid4

import psycopg
import pytest

from domain.connection import Connection
from domain.sync import Sync
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.batched_loads import MAX_EVENTS, MAX_STREAM_BYTES
from infrastructure.event_store.errors import EventUnreadable
from infrastructure.event_store.rehydrate import snapshot_state
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.pools import WritePool, open_write_pool
from tests.infrastructure.event_store.aggregate_histories import (
    PROGRESS,
    new_connection,
    requested_sync,
    start_and_record_course,
)
from tests.infrastructure.event_store.postgres_proxy import PostgresProxy


@pytest.fixture
def proxy(database_url: str) -> Iterator[PostgresProxy]:
    with PostgresProxy(database_url) as proxy:
        yield proxy


@pytest.fixture
async def proxied_store(proxy: PostgresProxy, keys: PersonKeys) -> AsyncIterator[EventStore]:
    with open_write_pool(proxy.url, size=4) as pool:
        store = EventStore(pool, keys)
        await store.load(Sync, uuid4())
        yield store
        store.close()


def save_syncs(store: EventStore, count: int) -> list[Sync]:
    """Save the syncs of so many people, each with a course."""
    syncs = [start_and_record_course(requested_sync(uuid4())) for _ in range(count)]
    for sync in syncs:
        store.save_blocking(sync)
    return syncs


async def load_together(store: EventStore, *streams: UUID) -> list[Sync | BaseException]:
    loads = [store.load(Sync, stream) for stream in streams]
    return list(await asyncio.gather(*loads, return_exceptions=True))


def assert_as_alone(store: EventStore, loaded: Sync | BaseException) -> None:
    """The state and version are those of a load alone."""
    assert isinstance(loaded, Sync)
    alone = store.load_blocking(Sync, loaded.id)
    assert snapshot_state(loaded) == snapshot_state(alone)
    assert loaded.version == alone.version


async def test_many_streams_are_one_round_trip(
    proxied_store: EventStore, proxy: PostgresProxy
) -> None:
    syncs = save_syncs(proxied_store, 12)
    before = proxy.round_trips
    loaded = await load_together(proxied_store, *[sync.id for sync in syncs])
    assert proxy.round_trips - before <= 4, "one load alone, the others together"
    for each in loaded:
        assert_as_alone(proxied_store, each)


async def test_snapshots_and_later_events_are_loaded(store: EventStore) -> None:
    syncs = save_syncs(store, 6)
    for sync in syncs[::2]:
        store.save_snapshot_blocking(sync)
    for sync in syncs[1:]:
        sync.cancel()
        store.save_blocking(sync)
    for each in await load_together(store, *[sync.id for sync in syncs]):
        assert_as_alone(store, each)


async def test_a_new_stream_is_empty_and_one_stream_is_loaded_twice(store: EventStore) -> None:
    (sync,) = save_syncs(store, 1)
    _, new, one, other = await load_together(store, sync.id, uuid4(), sync.id, sync.id)
    assert isinstance(new, Sync)
    assert new.version == 0
    for each in (one, other):
        assert_as_alone(store, each)
    assert one is not other


async def test_an_unreadable_stream_is_that_of_its_caller_only(
    store: EventStore, database_url: str
) -> None:
    syncs = save_syncs(store, 5)
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER events_are_history")
        connection.execute(
            "UPDATE easeboard.events SET state = '\\x09' WHERE stream = %s", [syncs[2].id]
        )
    loaded = await load_together(store, *[sync.id for sync in syncs])
    assert isinstance(loaded[2], EventUnreadable)
    for each in loaded[:2] + loaded[3:]:
        assert_as_alone(store, each)


async def test_an_erased_person_and_a_damaged_snapshot_change_nothing_for_others(
    store: EventStore, keys: PersonKeys, pool: WritePool
) -> None:
    syncs = save_syncs(store, 6)
    for sync in syncs:
        store.save_snapshot_blocking(sync)
    keys.destroy(syncs[2].person_id)
    with pool.connection() as connection:
        connection.execute(
            "UPDATE easeboard.snapshots SET state = '\\x00' WHERE stream = %s", [syncs[4].id]
        )
    loaded = await load_together(store, *[sync.id for sync in syncs])
    for each in loaded:
        assert_as_alone(store, each)
    assert isinstance(loaded[2], Sync)
    assert (loaded[2].version, loaded[2].active_run) == (syncs[2].version, None)


@pytest.mark.parametrize("is_large", [True, False])
async def test_a_long_stream_is_loaded_alone(
    store: EventStore, pool: WritePool, *, is_large: bool
) -> None:
    syncs = save_syncs(store, 4)
    sync, attempt = syncs[2], syncs[2].attempt
    assert attempt
    size = MAX_STREAM_BYTES // 3 if is_large else 10
    for number in range(4 if is_large else MAX_EVENTS):
        detail = uuid4().hex * (size // 32 + 1)
        sync.record_fetch_failure(attempt, str(number), "canvas-timeout", detail, PROGRESS)
    store.save_blocking(sync)
    with pool.connection() as connection:
        connection.execute("DELETE FROM easeboard.snapshots")
    for each in await load_together(store, *[sync.id for sync in syncs]):
        assert_as_alone(store, each)


async def test_different_kinds_are_loaded_together(store: EventStore) -> None:
    people = [uuid4() for _ in range(4)]
    for person in people:
        store.save_blocking(new_connection(person))
        store.save_blocking(requested_sync(person))
    connections = [store.load(Connection, new_connection(person).id) for person in people]
    syncs = [store.load(Sync, requested_sync(person).id) for person in people]
    loaded = await asyncio.gather(*connections, *syncs)
    assert [type(each) for each in loaded] == [Connection] * 4 + [Sync] * 4
    assert [each.person_id for each in loaded] == people * 2


async def test_newer_events_are_found_for_each(store: EventStore) -> None:
    syncs = save_syncs(store, 6)
    for sync in syncs[1::2]:
        newer = store.load_blocking(Sync, sync.id)
        newer.cancel()
        store.save_blocking(newer)
    found = await asyncio.gather(*[store.has_newer_events(sync) for sync in syncs])
    assert found == [False, True] * 3
