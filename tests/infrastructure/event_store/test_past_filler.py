"""After a load that had to apply many events, the snapshots of the past are added, once."""

from collections.abc import Iterator
from threading import Event
from uuid import uuid4

import pytest

from domain.connection import Connection
from infrastructure.crypto.master_key import parse_key_ring
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store import past_filler, past_snapshots, snapshots
from infrastructure.event_store.background_job import BackgroundJob
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.pools import WritePool
from tests.infrastructure.event_store.aggregate_histories import new_connection
from tests.infrastructure.event_store.background_jobs import wait_until_free
from tests.infrastructure.event_store.test_past_snapshots import grow, kept, loaded_rows, query


@pytest.fixture(autouse=True)
def short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot of the past at each tenth event, so that a stream need not be long."""
    for module in (past_snapshots, snapshots):
        monkeypatch.setattr(module, "PAST_INTERVAL_EVENTS", 10)
    monkeypatch.setattr(past_filler, "MIN_APPLIED_EVENTS", 40)


def test_a_slow_load_of_the_past_makes_the_next_one_quick(
    store: EventStore, pool: WritePool
) -> None:
    connection = grow(store, new_connection(uuid4()), 95)
    assert kept(pool, connection.id) == []
    first = store.load_blocking(Connection, connection.id, version=77)
    wait_until_free(store.background)
    assert kept(pool, connection.id) == [*range(10, 91, 10)]
    assert loaded_rows(store, connection.id, 77) == 7
    assert store.load_blocking(Connection, connection.id, version=77) == first


def test_gaps_are_filled_however_many_there_are(
    store: EventStore, pool: WritePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past_snapshots, "MAX_FILLED_GAPS", 2)
    connection = grow(store, new_connection(uuid4()), 95)
    store.load_blocking(Connection, connection.id, version=95)
    wait_until_free(store.background)
    query(pool, "DELETE FROM easeboard.past_snapshots WHERE version < 90")
    store.load_blocking(Connection, connection.id, version=80)
    wait_until_free(store.background)
    assert kept(pool, connection.id) == [*range(10, 91, 10)]


def test_a_quick_load_adds_nothing(store: EventStore, pool: WritePool) -> None:
    connection = grow(store, new_connection(uuid4()), 95)
    store.load_blocking(Connection, connection.id, version=39)
    store.load_blocking(Connection, connection.id)
    wait_until_free(store.background)
    assert kept(pool, connection.id) == []


def test_of_an_erased_person_nothing_is_added(store: EventStore, pool: WritePool) -> None:
    connection = grow(store, new_connection(uuid4()), 95)
    store._keys.destroy(connection.person_id)  # type: ignore[attr-defined]  # of PersonKeys
    store.load_blocking(Connection, connection.id, version=77)
    wait_until_free(store.background)
    assert kept(pool, connection.id) == []


def test_a_closed_store_adds_no_more(pool: WritePool) -> None:
    keys = PersonKeys(pool, parse_key_ring("0123456789abcdefghijklmnopqrstuv"))
    store = EventStore(pool, keys)
    connection = grow(store, new_connection(uuid4()), 95)
    store.close()
    store.load_blocking(Connection, connection.id, version=77)
    assert kept(pool, connection.id) == []


def test_one_job_runs_at_a_time_and_ends_when_it_is_closed() -> None:
    job, began, goes_on = BackgroundJob(), Event(), Event()
    steps = []

    def endless() -> Iterator[None]:
        while True:
            steps.append(1)
            began.set()
            goes_on.wait()
            yield

    assert job.begin("endless", endless)
    began.wait()
    assert not job.begin("another", endless)
    goes_on.set()
    job.close()
    number = len(steps)
    assert not job.begin("too late", endless)
    assert len(steps) == number


def test_a_job_that_fails_makes_room_for_the_next_one() -> None:
    job = BackgroundJob()

    def failing() -> Iterator[None]:
        yield
        raise ValueError("no such step")

    assert job.begin("failing", failing)
    wait_until_free(job)
    assert job.begin("failing", failing)
    job.close()
