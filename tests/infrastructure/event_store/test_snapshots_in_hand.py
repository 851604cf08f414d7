"""A snapshot of an aggregate in hand is what the log gives, byte for byte, and never has more."""

import asyncio
from collections.abc import Iterator
from random import Random
from uuid import uuid4

import pytest

from domain.connection import Connection
from domain.sync import Sync
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.folds import fold_of
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.pools import WritePool
from tests.canvas_builders import assignment
from tests.infrastructure.event_store.aggregate_histories import new_connection, save_snapshot_of
from tests.infrastructure.event_store.snapshot_runs import (
    Runs,
    assert_snapshot_is_that_of_the_log,
    folded_from_log,
    has_snapshot_at,
    save_run,
    sync_of,
)

DELETE_NEWEST = """
DELETE FROM easeboard.events WHERE position = (SELECT max(position) FROM easeboard.events)
"""


@pytest.fixture
def usual_store(pool: WritePool, keys: PersonKeys) -> Iterator[EventStore]:
    """A store with the interval of the program."""
    store = EventStore(pool, keys)
    yield store
    store.close()


@pytest.mark.parametrize("seed", range(12))
def test_a_snapshot_in_hand_is_what_the_log_gives(store: EventStore, seed: int) -> None:
    runs = Runs(store, Random(seed))
    for _ in range(40):
        runs.step()
    runs.snapshot()
    loaded = runs.load()
    expected = folded_from_log(store, Sync, runs.stream)
    expected.work_digests = loaded.work_digests  # type: ignore[attr-defined]  # a Sync
    snapshots = store._snapshots_of(Sync)
    assert snapshots.encode(loaded) == snapshots.encode(expected)


def test_a_snapshot_is_due_by_what_changed(usual_store: EventStore) -> None:
    store, person = usual_store, uuid4()
    works = [[assignment(str(number)) for number in range(60)] for _ in range(3)]
    other = [[assignment(str(number), name="Essay") for number in range(60)] for _ in range(3)]
    taken = []
    for run in (works, works, works, other, other):
        sync = sync_of(store, person)
        save_run(store, sync, person, run)
        store.save_snapshot_blocking(sync)
        taken.append(has_snapshot_at(store, sync))
    assert taken == [True, False, False, True, False]


def test_a_snapshot_is_due_when_work_was_compared_that_no_snapshot_knows(
    usual_store: EventStore,
) -> None:
    store, person = usual_store, uuid4()
    save_run(store, sync_of(store, person), person, [[assignment("1")]])
    for expected in (True, False):
        sync = sync_of(store, person)
        save_run(store, sync, person, [[assignment("1")]])
        store.save_snapshot_blocking(sync)
        assert has_snapshot_at(store, sync) == expected
    assert sync_of(store, person).work_digests == {"1": repr([assignment("1")])}


def test_no_event_is_read_for_a_snapshot_in_hand(store: EventStore, pool: WritePool) -> None:
    person = uuid4()
    sync = sync_of(store, person)
    save_run(store, sync, person, [[assignment("1")]])
    change_log(pool, "UPDATE easeboard.events SET state = '\\x00'::bytea")
    store.save_snapshot_blocking(sync)
    assert has_snapshot_at(store, sync)


def change_log(pool: WritePool, *statements: str) -> None:
    with pool.connection() as connection:
        connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER events_are_history")
        for statement in statements:
            connection.execute(statement.encode())
        connection.execute("ALTER TABLE easeboard.events ENABLE TRIGGER events_are_history")


def test_events_that_the_log_has_lost_are_in_no_snapshot(
    store: EventStore, pool: WritePool
) -> None:
    person = uuid4()
    sync = sync_of(store, person)
    save_run(store, sync, person, [[assignment("1")]])
    change_log(pool, DELETE_NEWEST)
    store.save_snapshot_blocking(sync)
    assert_snapshot_is_that_of_the_log(store, sync_of(store, person))


def test_events_that_the_log_has_replaced_are_in_no_snapshot(
    store: EventStore, pool: WritePool, keys: PersonKeys
) -> None:
    person = uuid4()
    sync = sync_of(store, person)
    save_run(store, sync, person, [[assignment("1")]])
    change_log(
        pool,
        DELETE_NEWEST,
        "UPDATE easeboard.timelines SET server_started_at = server_started_at - interval '1 s'",
    )
    other_process = EventStore(pool, keys)
    other = sync_of(other_process, person)
    other.cancel()
    other_process.save_blocking(other)
    other_process.close()
    store.save_snapshot_blocking(sync)
    assert (other.version, other.completed_once) == (sync.version, False)
    loaded = sync_of(store, person)
    assert not loaded.completed_once
    assert_snapshot_is_that_of_the_log(store, loaded)


def test_a_snapshot_of_events_that_were_moved_behind_others_has_those_too(
    store: EventStore,
) -> None:
    opened = new_connection(uuid4())
    store.save_blocking(opened)
    first, second = (store.load_blocking(Connection, opened.id) for _ in range(2))
    for number, connection in enumerate((first, second)):
        connection.record_validation(f"Ada {number}")
        store.save_blocking(connection)
    assert second.version == 3
    store.save_snapshot_blocking(second)
    assert_snapshot_is_that_of_the_log(store, second)


async def test_snapshots_of_many_are_saved_together_and_one_failure_is_of_one(
    store: EventStore, keys: PersonKeys
) -> None:
    people = [uuid4() for _ in range(6)]
    syncs = [sync_of(store, person) for person in people]
    for sync, person in zip(syncs, people, strict=True):
        save_run(store, sync, person, [[assignment("1")]])
    keys.destroy(people[2])
    fold = fold_of(syncs[4])
    assert fold
    fold.loaded = b"["
    results = await asyncio.gather(*map(store.save_snapshot, syncs), return_exceptions=True)
    assert [nth for nth, result in enumerate(results) if result] == [4]
    for nth in (0, 1, 3, 5):
        assert_snapshot_is_that_of_the_log(store, syncs[nth])
    assert not has_snapshot_at(store, syncs[4])
    assert sync_of(store, people[2]).courses == {}


def test_releases_ignore_the_snapshots_of_each_other(
    store: EventStore, pool: WritePool, keys: PersonKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a release can be rolled back: the older one folds the events, then the newer one does."""
    person = uuid4()
    newer_in_hand = sync_of(store, person)
    save_run(store, newer_in_hand, person, [[assignment("1")]])
    store.save_snapshot_blocking(newer_in_hand)
    assert sync_of(store, person).work_digests
    monkeypatch.setattr(Sync, "class_version", Sync.class_version - 1)
    older = EventStore(pool, keys, snapshot_interval_events=1)
    folded = sync_of(older, person)
    older.close()
    assert (folded.work_digests, folded.courses) == ({}, newer_in_hand.courses)
    save_snapshot_of(older, folded)
    assert sync_of(store, person).work_digests == {}
