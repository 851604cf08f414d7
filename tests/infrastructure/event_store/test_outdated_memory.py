"""What a process knows of a log that is lost leads to no wrong append."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any, LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest

from domain.connection import Connection
from domain.errors import ConnectionBusy, VersionConflict
from domain.event import Event
from domain.sync import Sync
from infrastructure.crypto.master_key import KeyRing
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store import store as store_module
from infrastructure.event_store.causes import new_event_ids
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.recorder import (
    Append,
    AppendMetadata,
    MemoryOutdated,
    Recorder,
)
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.pools import WritePool, open_write_pool
from infrastructure.postgres.retry import conflict_retries
from tests.infrastructure.event_store.aggregate_histories import new_connection, requested_sync

BEGIN_TIMELINE = """
SELECT easeboard.begin_timeline(id) FROM easeboard.timelines ORDER BY number DESC LIMIT 1
"""


@pytest.fixture
def person() -> UUID:
    return uuid4()


@pytest.fixture
def connection(store: EventStore, person: UUID) -> Connection:
    connection = new_connection(person)
    store.save_blocking(connection)
    return connection


@pytest.fixture
def other(pool: WritePool, ring: KeyRing) -> Iterator[EventStore]:
    """The store of another process."""
    store = EventStore(pool, PersonKeys(pool, ring))
    yield store
    store.close()


def execute(url: str, statement: LiteralString) -> None:
    with psycopg.connect(url) as session:
        session.execute(statement)


def begin_timeline(url: str) -> None:
    """Begin a timeline, as a restart of the server or a failover does."""
    execute(url, BEGIN_TIMELINE)


def lose_event(postgres_url: str, url: str, stream: UUID, version: int) -> None:
    """Remove an event, as a failover to a standby that lacks it does."""
    database = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    admin = psycopg.conninfo.make_conninfo(postgres_url, dbname=database)
    with psycopg.connect(admin) as session:
        session.execute("SET session_replication_role = replica")
        session.execute(
            "DELETE FROM easeboard.events WHERE stream = %s AND version = %s", [stream, version]
        )


def versions(url: str, stream: UUID) -> list[int]:
    with psycopg.connect(url) as session:
        rows = session.execute(
            "SELECT version FROM easeboard.events WHERE stream = %s ORDER BY version", [stream]
        )
        return [version for (version,) in rows]


def test_what_was_decided_on_an_earlier_timeline_is_decided_anew(
    store: EventStore, connection: Connection, database_url: str
) -> None:
    loaded = store.load_blocking(Connection, connection.id)
    begin_timeline(database_url)
    loaded.reject_token("Revoked")
    with pytest.raises(VersionConflict) as conflict:
        store.save_blocking(loaded)
    assert isinstance(conflict.value.__cause__, MemoryOutdated)
    again = store.load_blocking(Connection, connection.id)
    again.reject_token("Revoked")
    store.save_blocking(again)
    assert versions(database_url, connection.id) == [1, 2]


def test_each_aggregate_of_an_earlier_timeline_is_refused(
    store: EventStore, connection: Connection, person: UUID, database_url: str
) -> None:
    """Also if another command of this process has noticed the new timeline meanwhile."""
    kept = store.load_blocking(Connection, connection.id)
    begin_timeline(database_url)
    for _ in range(2):
        try:
            store.save_blocking(requested_sync(person))
        except VersionConflict:
            continue
    kept.reject_token("Revoked")
    with pytest.raises(VersionConflict):
        store.save_blocking(kept)
    assert versions(database_url, connection.id) == [1]


async def test_a_stale_decision_is_not_moved_behind_newer_facts(
    store: EventStore, other: EventStore, connection: Connection, database_url: str
) -> None:
    stale = store.load_blocking(Connection, connection.id)
    begin_timeline(database_url)
    await other.record(Connection, connection.id, lambda each: each.record_validation("Ada"))
    stale.reject_token("Revoked")
    with pytest.raises(VersionConflict):
        store.save_blocking(stale)
    assert versions(database_url, connection.id) == [1, 2]


async def test_a_command_is_repeated_after_a_failover(
    store: EventStore, connection: Connection, database_url: str
) -> None:
    loaded: list[int] = []

    async def reject() -> None:
        each = await store.load(Connection, connection.id)
        if not loaded:
            begin_timeline(database_url)
        loaded.append(each.version)
        each.reject_token("Revoked")
        await store.save(each)

    await store.in_turn(connection.id, reject)
    assert (loaded, versions(database_url, connection.id)) == ([1, 1], [1, 2])


async def test_a_stream_that_lost_its_last_event_gets_no_gap(
    store: EventStore, connection: Connection, database_url: str, postgres_url: str
) -> None:
    await store.record(Connection, connection.id, lambda each: each.record_validation("Ada"))
    loaded = await store.load(Connection, connection.id)
    lose_event(postgres_url, database_url, connection.id, 2)
    loaded.reject_token("Revoked")
    with pytest.raises(VersionConflict):
        await store.save(loaded)

    async def reject() -> None:
        each = await store.load(Connection, connection.id)
        each.reject_token("Revoked")
        await store.save(each)

    await store.in_turn(connection.id, reject)
    assert versions(database_url, connection.id) == [1, 2]


def test_a_key_that_was_lost_is_created_anew(
    store: EventStore, connection: Connection, person: UUID, database_url: str
) -> None:
    """The key was cached, and the database has lost it with the events."""
    store.load_blocking(Connection, connection.id)
    begin_timeline(database_url)
    execute(database_url, "DELETE FROM easeboard.people_keys")
    sync = requested_sync(person)
    with pytest.raises(VersionConflict):
        store.save_blocking(sync)
    store.save_blocking(sync)
    assert store.load_blocking(Sync, sync.id).active_run


class DirectAppend:
    """Appends the same rows again, as after a lost response, or others under one command id."""

    def __init__(self, pool: WritePool, keys: PersonKeys, person: UUID) -> None:
        keys.encryption_key(person)
        self.recorder = Recorder(pool)
        self.mapper = Mapper(keys)
        self.person = person
        self.command = uuid4()

    def rows_of(self, events: Sequence[Any]) -> Append:
        metadata = AppendMetadata(
            person_id=self.person, encrypted=True, actor="test", command_id=self.command
        )
        events = [event for event in events if isinstance(event, Event)]
        rows = self.mapper.to_stored_events(events, self.person)
        return Append(rows, metadata, new_event_ids(len(rows)))


@pytest.fixture
def direct(pool: WritePool, keys: PersonKeys, person: UUID) -> DirectAppend:
    return DirectAppend(pool, keys, person)


def nothing_happens(_: str) -> None:
    """Leave the database as it is."""


@pytest.mark.parametrize("meanwhile", [nothing_happens, begin_timeline])
def test_a_repeated_append_finds_its_own_events(
    direct: DirectAppend, person: UUID, database_url: str, meanwhile: Callable[[str], None]
) -> None:
    """Also if the server restarted between the commit and the repetition."""
    append = direct.rows_of(requested_sync(person).pending_events)
    timeline = direct.recorder.timeline()
    first = direct.recorder.append([append], (), timeline)
    meanwhile(database_url)
    again = direct.recorder.append([append], (), timeline)
    assert again.position == first.position
    assert (again.timeline == first.timeline) == (meanwhile is nothing_happens)


def test_another_append_of_the_same_command_is_a_conflict(
    direct: DirectAppend, person: UUID
) -> None:
    """Two processes may execute one command: each has made its own decision."""
    direct.recorder.append([direct.rows_of(requested_sync(person).pending_events)])
    with pytest.raises(VersionConflict):
        direct.recorder.append([direct.rows_of(requested_sync(person).pending_events)])


def test_the_statement_is_prepared_again_if_it_is_missing(
    database_url: str, ring: KeyRing, person: UUID
) -> None:
    """The driver deallocates the statements of a connection after a rollback."""
    sync = requested_sync(person)
    with (
        open_write_pool(database_url, size=1) as pool,
        closing(EventStore(pool, PersonKeys(pool, ring))) as store,
    ):
        store.save_blocking(new_connection(person))
        store.save_blocking(sync)
        with pool.connection() as session:
            select = "SELECT name FROM pg_prepared_statements WHERE name = 'easeboard_append'"
            assert session.execute(select).fetchall()
            session.execute("DEALLOCATE ALL")
        sync.cancel()
        store.save_blocking(sync)
        assert store.load_blocking(Sync, sync.id).version == 2


async def test_conflicts_without_end_make_the_connection_busy(
    store: EventStore, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "retry_conflicts", conflict_retries(0.1))

    async def conflict() -> None:
        raise VersionConflict(connection.id)

    with pytest.raises(ConnectionBusy):
        await store.in_turn(connection.id, conflict)

    async def succeed() -> int:
        return 7

    assert await store.in_turn(connection.id, succeed) == 7
