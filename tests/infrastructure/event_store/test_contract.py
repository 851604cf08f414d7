"""The contract of every event store: the one in memory and the one in PostgreSQL."""

import asyncio
from uuid import UUID, uuid4

import pytest

from application.event_metadata import with_event_metadata
from application.ports import Store
from domain.connection import Connection
from domain.errors import VersionConflict
from domain.sync import Sync
from infrastructure.event_store.errors import MixedPersons
from tests.infrastructure.event_store.aggregate_histories import (
    new_connection,
    requested_sync,
    start_and_record_course,
)
from tests.memory_store import InMemoryStore

pytestmark = pytest.mark.postgres


@pytest.fixture(params=["memory", "postgres"])
def event_store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return InMemoryStore()
    store: Store = request.getfixturevalue("store")
    return store


@pytest.fixture
def person() -> UUID:
    return uuid4()


async def test_an_unknown_stream_loads_as_a_new_aggregate(event_store: Store) -> None:
    connection = await event_store.load(Connection, uuid4())
    assert (connection.exists, connection.status) == (False, "new")


async def test_saved_events_are_loaded(event_store: Store, person: UUID) -> None:
    sync = start_and_record_course(requested_sync(person))
    await event_store.save(new_connection(person), sync)
    loaded = await event_store.load(Sync, sync.id)
    assert (loaded.version, loaded.courses, loaded.person_id) == (
        sync.version,
        sync.courses,
        person,
    )
    assert loaded.connection_id == sync.connection_id
    assert (await event_store.load(Connection, sync.connection_id)).canvas_user_name == "Ada"


async def test_a_loaded_aggregate_accepts_further_commands(
    event_store: Store, person: UUID
) -> None:
    sync = requested_sync(person)
    await event_store.save(sync)
    sync.cancel()
    await event_store.save(sync)
    loaded = await event_store.load(Sync, sync.id)
    assert loaded.active_run is None
    loaded.request(
        uuid4(),
        connection_id=loaded.connection_id,
        person_id=person,
        trigger="manual",
        mode="full",
    )
    await event_store.save(loaded)
    assert (await event_store.load(Sync, sync.id)).version == 3


async def test_one_of_two_concurrent_writers_gets_a_conflict(
    event_store: Store, person: UUID
) -> None:
    await event_store.save(requested_sync(person))
    stream = requested_sync(person).id
    fast, slow = await event_store.load(Sync, stream), await event_store.load(Sync, stream)
    fast.cancel()
    slow.cancel()
    await event_store.save(fast)
    with pytest.raises(VersionConflict) as conflict:
        await event_store.save(slow)
    assert conflict.value == VersionConflict(stream)
    assert (await event_store.load(Sync, stream)).version == 2


async def test_a_conflict_saves_no_event(event_store: Store, person: UUID) -> None:
    sync = requested_sync(person)
    await event_store.save(requested_sync(person))
    connection = new_connection(person)
    with pytest.raises(VersionConflict) as conflict:
        await event_store.save(connection, sync)
    assert conflict.value.stream == sync.id
    assert not (await event_store.load(Connection, connection.id)).exists


async def test_only_one_of_many_concurrent_writers_saves(event_store: Store, person: UUID) -> None:
    async def try_to_save(_: int) -> bool:
        try:
            await event_store.save(requested_sync(person))
        except VersionConflict:
            return False
        return True

    saved = await asyncio.gather(*map(try_to_save, range(20)))
    assert sum(saved) == 1
    assert (await event_store.load(Sync, requested_sync(person).id)).version == 1


async def test_saving_records_the_last_position_in_the_metadata(
    event_store: Store, person: UUID
) -> None:
    with with_event_metadata("student") as first:
        await event_store.save(new_connection(person))
    with with_event_metadata("student") as second:
        await event_store.save(start_and_record_course(requested_sync(person)))
    with with_event_metadata("student") as nothing:
        await event_store.save(Sync.new(uuid4()))
    assert nothing.appended is None
    assert first.appended
    assert second.appended
    assert (first.appended.position, second.appended.position) == (1, 1 + 3 + 2)
    assert first.appended.timeline == second.appended.timeline


async def test_saved_events_are_no_longer_pending(event_store: Store, person: UUID) -> None:
    sync = requested_sync(person)
    await event_store.save(sync)
    await event_store.save(sync)
    assert (await event_store.load(Sync, sync.id)).version == 1


async def test_a_save_about_two_persons_is_refused(event_store: Store, person: UUID) -> None:
    with pytest.raises(MixedPersons):
        await event_store.save(new_connection(person), new_connection(uuid4()))


async def test_a_save_without_a_person_is_refused(event_store: Store) -> None:
    connection = Connection.new(uuid4())
    connection.status = "active"
    connection.close()
    with pytest.raises(MixedPersons):
        await event_store.save(connection)


async def test_an_aggregate_without_pending_events_may_belong_to_another_person(
    event_store: Store, person: UUID
) -> None:
    other = new_connection(uuid4())
    await event_store.save(other)
    await event_store.save(other, new_connection(person))
    assert (await event_store.load(Connection, new_connection(person).id)).exists
