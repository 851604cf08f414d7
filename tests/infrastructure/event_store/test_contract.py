"""What every event log promises, the one in memory and the one in PostgreSQL alike."""

import asyncio
from uuid import UUID, uuid4

import pytest

from application.event_metadata import acting
from application.ports import Store
from domain.connection import Connection
from domain.errors import VersionConflict
from domain.sync import Sync
from infrastructure.event_store.errors import MixedPersons
from tests.infrastructure.event_store.aggregate_histories import connection_of, run, sync_of
from tests.memory_store import InMemoryStore


@pytest.fixture(params=["memory", "postgres"])
def log(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return InMemoryStore()
    store: Store = request.getfixturevalue("store")
    return store


@pytest.fixture
def person() -> UUID:
    return uuid4()


async def test_nothing_happened_in_an_unknown_stream(log: Store) -> None:
    connection = await log.load(Connection, uuid4())
    assert (connection.exists, connection.status) == (False, "new")


async def test_what_is_saved_is_loaded(log: Store, person: UUID) -> None:
    sync = run(sync_of(person))
    await log.save(connection_of(person), sync)
    loaded = await log.load(Sync, sync.id)
    assert (loaded.version, loaded.courses, loaded.person_id) == (
        sync.version,
        sync.courses,
        person,
    )
    assert loaded.connection_id == sync.connection_id
    assert (await log.load(Connection, sync.connection_id)).canvas_user_name == "Ada"


async def test_a_loaded_aggregate_goes_on(log: Store, person: UUID) -> None:
    sync = sync_of(person)
    await log.save(sync)
    sync.cancel()
    await log.save(sync)
    loaded = await log.load(Sync, sync.id)
    assert loaded.live is None
    loaded.request(
        uuid4(),
        connection_id=loaded.connection_id,
        person_id=person,
        trigger="manual",
        mode="full",
    )
    await log.save(loaded)
    assert (await log.load(Sync, sync.id)).version == 3


async def test_of_two_writers_one_wins(log: Store, person: UUID) -> None:
    await log.save(sync_of(person))
    stream = sync_of(person).id
    fast, slow = await log.load(Sync, stream), await log.load(Sync, stream)
    fast.cancel()
    slow.cancel()
    await log.save(fast)
    with pytest.raises(VersionConflict) as conflict:
        await log.save(slow)
    assert conflict.value == VersionConflict(stream)
    assert (await log.load(Sync, stream)).version == 2


async def test_a_conflict_saves_nothing_at_all(log: Store, person: UUID) -> None:
    sync = sync_of(person)
    await log.save(sync_of(person))
    connection = connection_of(person)
    with pytest.raises(VersionConflict) as conflict:
        await log.save(connection, sync)
    assert conflict.value.stream == sync.id
    assert not (await log.load(Connection, connection.id)).exists


async def test_many_writers_of_one_stream_leave_one_history(log: Store, person: UUID) -> None:
    async def try_to_save(_: int) -> bool:
        try:
            await log.save(sync_of(person))
        except VersionConflict:
            return False
        return True

    won = await asyncio.gather(*map(try_to_save, range(20)))
    assert sum(won) == 1
    assert (await log.load(Sync, sync_of(person).id)).version == 1


async def test_saving_says_how_far_the_log_is(log: Store, person: UUID) -> None:
    with acting("somebody") as first:
        await log.save(connection_of(person))
    with acting("somebody") as second:
        await log.save(run(sync_of(person)))
    with acting("somebody") as nothing:
        await log.save(Sync.unborn(uuid4()))
    assert (first.position, nothing.position) == (1, 0)
    assert second.position == 1 + 3 + 2


async def test_saved_events_are_pending_no_more(log: Store, person: UUID) -> None:
    sync = sync_of(person)
    await log.save(sync)
    await log.save(sync)
    assert (await log.load(Sync, sync.id)).version == 1


async def test_one_save_is_about_one_person(log: Store, person: UUID) -> None:
    with pytest.raises(MixedPersons):
        await log.save(connection_of(person), connection_of(uuid4()))


async def test_nobody_owns_an_event_without_a_person(log: Store) -> None:
    nobodys = Connection.unborn(uuid4())
    nobodys.status = "active"
    nobodys.close()
    with pytest.raises(MixedPersons):
        await log.save(nobodys)


async def test_an_aggregate_without_news_may_be_somebody_elses(log: Store, person: UUID) -> None:
    other = connection_of(uuid4())
    await log.save(other)
    await log.save(other, connection_of(person))
    assert (await log.load(Connection, connection_of(person).id)).exists
