"""What many callers save together is as if each had saved alone: no one suffers from another."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from random import Random
from uuid import UUID, uuid4

import psycopg
import pytest

from application.event_metadata import with_event_metadata
from domain.aggregate import Aggregate
from domain.connection import Connection
from domain.errors import PersonIsErased, VersionConflict
from domain.sync import Sync
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.errors import MixedPersons
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.pools import WritePool, open_write_pool
from tests.deadlines import scaled
from tests.infrastructure.event_store.aggregate_histories import (
    new_connection,
    requested_sync,
    start_and_record_course,
)
from tests.infrastructure.event_store.postgres_proxy import PostgresProxy
from tests.infrastructure.event_store.test_append import APPEND_ONE, wait_until_blocked

SELECT_LOG = """
SELECT version, actor, command_id FROM easeboard.events WHERE stream = %s ORDER BY version
"""
FIRST = 1
"""The first of several callers saves alone; those that come meanwhile are the group."""


@pytest.fixture
def proxy(database_url: str) -> Iterator[PostgresProxy]:
    with PostgresProxy(database_url) as proxy:
        yield proxy


@pytest.fixture
async def proxied_store(proxy: PostgresProxy, keys: PersonKeys) -> AsyncIterator[EventStore]:
    """A store whose appends use the proxy; the keys of people are read without it."""
    with open_write_pool(proxy.url, size=4) as pool:
        store = EventStore(pool, keys)
        await store.load(Sync, uuid4())
        yield store
        store.close()


async def people_with_a_key(store: EventStore, count: int) -> list[UUID]:
    people = [uuid4() for _ in range(count)]
    for person in people:
        await store.save(new_connection(person))
    return people


async def save_together(store: EventStore, *saves: Aggregate) -> list[BaseException | None]:
    """Save each by a caller of its own, all at once; return the errors in their order."""
    results = await asyncio.gather(*[store.save(each) for each in saves], return_exceptions=True)
    return list(results)


def select_log(pool: WritePool, stream: UUID) -> list[tuple[int, str, UUID]]:
    """Return version, actor and command of each event of a stream."""
    with pool.connection() as connection:
        return connection.execute(SELECT_LOG, [stream]).fetchall()


def count_of(pool: WritePool, stream: UUID) -> int:
    return len(select_log(pool, stream))


async def test_a_group_is_one_round_trip(proxied_store: EventStore, proxy: PostgresProxy) -> None:
    people = await people_with_a_key(proxied_store, 12)
    syncs = [requested_sync(person) for person in people]
    before = proxy.round_trips
    assert await save_together(proxied_store, *syncs) == [None] * 12
    assert proxy.round_trips - before <= 4, "two appends, and a preparation for each"
    assert [sync.pending_events for sync in syncs] == [[]] * 12


async def test_each_caller_gets_their_own_place_and_metadata(
    store: EventStore, pool: WritePool
) -> None:
    people = await people_with_a_key(store, 5)

    async def save(person: UUID) -> tuple[UUID, int]:
        with with_event_metadata(f"actor {person}") as metadata:
            sync = start_and_record_course(requested_sync(person))
            await store.save(sync)
        assert metadata.appended
        assert metadata.versions == {sync.id: sync.version}
        return sync.id, metadata.appended.position

    saved = await asyncio.gather(*map(save, people))
    for person, (stream, position) in zip(people, saved, strict=True):
        rows = select_log(pool, stream)
        assert {actor for _, actor, _ in rows} == {f"actor {person}"}
        assert len({command_id for *_, command_id in rows}) == 1
        last = "SELECT max(position) FROM easeboard.events WHERE stream = %s"
        with pool.connection() as connection:
            assert connection.execute(last, [stream]).fetchone() == (position,)


async def test_a_conflict_is_that_of_its_caller_only(store: EventStore, pool: WritePool) -> None:
    people = await people_with_a_key(store, 4)
    await store.save(requested_sync(people[2]))
    syncs = [requested_sync(person) for person in people]
    errors = await save_together(store, *syncs)
    assert [type(error) for error in errors] == [type(None)] * 2 + [VersionConflict, type(None)]
    assert [count_of(pool, sync.id) for sync in syncs] == [1] * 4
    assert [len(sync.pending_events) for sync in syncs] == [0, 0, 1, 0]


async def test_of_two_that_save_to_one_stream_one_has_a_conflict(
    store: EventStore, pool: WritePool
) -> None:
    first, second = await people_with_a_key(store, 2)
    rivals = [requested_sync(second), requested_sync(second)]
    errors = await save_together(store, requested_sync(first), *rivals)
    assert errors[:2] == [None, None], "the order is that of the callers"
    assert isinstance(errors[2], VersionConflict)
    assert count_of(pool, rivals[0].id) == 1


async def test_an_erased_person_is_refused_alone(
    store: EventStore, pool: WritePool, keys: PersonKeys
) -> None:
    people = await people_with_a_key(store, 5)
    keys.destroy(people[1])
    assert keys.encryption_key(people[3])
    PersonKeys(pool, keys._ring).destroy(people[3])
    assert keys.encryption_key(people[3]), "this process does not know it yet"
    syncs = [requested_sync(person) for person in people]
    errors = await save_together(store, *syncs)
    refusals = [PersonIsErased(people[1]), PersonIsErased(people[3])]
    assert errors == [None, refusals[0], None, refusals[1], None]
    assert [count_of(pool, sync.id) for sync in syncs] == [1, 0, 1, 0, 1]


async def test_people_without_a_key_get_one(store: EventStore, keys: PersonKeys) -> None:
    old = await people_with_a_key(store, 3)
    new = [uuid4() for _ in range(3)]
    saves = [*map(requested_sync, old), *map(new_connection, new)]
    assert await save_together(store, *saves) == [None] * 6
    assert set(keys.decryption_keys(new)) == set(new)


async def test_events_about_several_people_are_refused_alone(store: EventStore) -> None:
    people = await people_with_a_key(store, 4)
    *others, first, second = map(requested_sync, people)
    saves = [store.save(each) for each in others] + [store.save(first, second)]
    errors = await asyncio.gather(*saves, return_exceptions=True)
    assert errors[:2] == [None, None]
    assert isinstance(errors[2], MixedPersons)


async def test_a_lost_response_is_a_success_for_all(
    proxied_store: EventStore, proxy: PostgresProxy, pool: WritePool
) -> None:
    people = await people_with_a_key(proxied_store, 6)
    syncs = [start_and_record_course(requested_sync(person)) for person in people]
    first = asyncio.create_task(proxied_store.save(syncs[0]))
    await asyncio.sleep(0)
    proxy.drop_responses(2)
    errors = await save_together(proxied_store, *syncs[FIRST:])
    await first
    assert errors == [None] * 5
    assert proxy.dropped_responses == 2
    assert [count_of(pool, sync.id) for sync in syncs] == [sync.version for sync in syncs]


async def test_a_conflict_is_found_after_a_lost_response(
    proxied_store: EventStore, proxy: PostgresProxy, store: EventStore, pool: WritePool
) -> None:
    people = await people_with_a_key(proxied_store, 4)
    await store.save(requested_sync(people[2]))
    syncs = [requested_sync(person) for person in people]
    first = asyncio.create_task(proxied_store.save(syncs[0]))
    await asyncio.sleep(0)
    proxy.drop_responses(2)
    errors = await save_together(proxied_store, *syncs[FIRST:])
    await first
    assert [type(error) for error in errors] == [type(None), VersionConflict, type(None)]
    assert [count_of(pool, sync.id) for sync in syncs] == [1] * 4


async def test_one_that_waits_for_a_lock_does_not_hold_up_the_others(
    store: EventStore, database_url: str
) -> None:
    people = await people_with_a_key(store, 5)
    syncs = [requested_sync(person) for person in people]
    with psycopg.connect(database_url) as other:
        other.execute(APPEND_ONE, [people[2], syncs[2].id])
        saves = [asyncio.create_task(store.save(sync)) for sync in syncs]
        async with asyncio.timeout(scaled(5)):
            await asyncio.gather(*(saves[:2] + saves[3:]))
        assert not saves[2].done()
        await asyncio.to_thread(wait_until_blocked, database_url)
        other.rollback()
    await saves[2]


async def test_a_group_leaves_no_setting_in_its_session(
    database_url: str, keys: PersonKeys
) -> None:
    with open_write_pool(database_url, size=1) as pool:
        store = EventStore(pool, keys)
        people = await people_with_a_key(store, 3)
        assert await save_together(store, *map(requested_sync, people)) == [None] * 3
        with pool.connection() as connection:
            assert connection.execute("SHOW lock_timeout").fetchone() == ("0",)
        store.close()


async def test_a_cancelled_caller_changes_nothing_for_the_others(
    store: EventStore, pool: WritePool
) -> None:
    people = await people_with_a_key(store, 5)
    syncs = [requested_sync(person) for person in people]
    saves = [asyncio.create_task(store.save(sync)) for sync in syncs]
    await asyncio.sleep(0)
    saves[3].cancel()
    await asyncio.gather(*saves, return_exceptions=True)
    assert [save.cancelled() for save in saves] == [False, False, False, True, False]
    assert [count_of(pool, sync.id) for sync in syncs] == [1, 1, 1, 0, 1]


def record(person: UUID) -> Sync:
    """Return a sync that is requested and started, not saved."""
    return start_and_record_course(requested_sync(person))


DECISIONS: list[Callable[[UUID], Aggregate]] = [new_connection, requested_sync, record]


@pytest.mark.parametrize("seed", range(4))
async def test_together_is_as_one_by_one(
    store: EventStore, pool: WritePool, keys: PersonKeys, seed: int
) -> None:
    """Two groups of people do the same: one saves at once, the other one after the other."""
    random = Random(seed)
    together, alone = ([uuid4() for _ in range(8)] for _ in range(2))
    for _ in range(6):
        steps = [(random.randrange(8), random.choice(DECISIONS)) for _ in range(9)]
        for erased in random.sample(range(8), random.choice([0, 0, 1])):
            keys.destroy(together[erased])
            keys.destroy(alone[erased])
        found = await save_together(store, *[decide(together[who]) for who, decide in steps])
        expected = [save_alone(store, decide(alone[who])) for who, decide in steps]
        # Of several that save to one stream, any may be first.
        assert outcomes(found, steps) == outcomes(expected, steps)
    for person, twin in zip(together, alone, strict=True):
        for build in (new_connection, requested_sync):
            log, twin_log = (select_log(pool, build(each).id) for each in (person, twin))
            assert bool(log) == bool(twin_log)
            assert [version for version, *_ in log] == [*range(1, len(log) + 1)]
            assert len({command_id for *_, command_id in log}) == bool(log)


def save_alone(store: EventStore, aggregate: Aggregate) -> BaseException | None:
    """Save, and return the error if there is one."""
    try:
        store.save_blocking(aggregate)
    except (VersionConflict, PersonIsErased) as error:
        return error
    return None


def outcomes(
    errors: Sequence[BaseException | None], steps: Sequence[tuple[int, object]]
) -> Counter[tuple[int, str]]:
    """Count the outcomes of each person by their kind."""
    kinds = [type(error).__name__ for error in errors]
    return Counter((who, kind) for (who, _), kind in zip(steps, kinds, strict=True))


async def test_what_was_saved_together_is_loaded(store: EventStore) -> None:
    people = await people_with_a_key(store, 4)
    syncs = [start_and_record_course(requested_sync(person)) for person in people]
    await save_together(store, *syncs)
    loaded = await asyncio.gather(*[store.load(Sync, sync.id) for sync in syncs])
    assert [each.version for each in loaded] == [sync.version for sync in syncs]
    assert {each.person_id for each in loaded} == set(people)
    assert (await store.load(Connection, new_connection(people[0]).id)).exists
