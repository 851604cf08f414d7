"""Events that decide nothing stand at the end of their stream and conflict with no other one."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from application.event_metadata import with_event_metadata
from domain.connection import Connection
from domain.errors import ConnectionNotFound
from domain.history_access import HistoryAccess
from infrastructure.crypto.master_key import KeyRing
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.errors import EventUnreadable
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.pools import WritePool
from tests.infrastructure.event_store.aggregate_histories import new_connection


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


async def test_facts_of_several_callers_have_their_own_metadata_and_errors(
    store: EventStore, connection: Connection, person: UUID, database_url: str
) -> None:
    def refuse(each: Connection) -> None:
        each.record_validation("nobody")
        raise ConnectionNotFound(each.id)

    def confirm(each: Connection) -> None:
        each.require_owner(person)
        each.record_validation("Ada")

    async def run_as(actor: str, decide: Callable[[Connection], None]) -> Any:
        with with_event_metadata(actor, correlation_id=f"request of {actor}") as metadata:
            await store.record(Connection, connection.id, decide)
            return metadata.appended

    results: list[Any] = await asyncio.gather(
        *(run_as(name, decide) for name, decide in (("a", confirm), ("b", refuse), ("c", confirm))),
        return_exceptions=True,
    )
    assert results[1] == ConnectionNotFound(connection.id)
    with psycopg.connect(database_url) as session:
        rows = session.execute(
            "SELECT version, actor, correlation_id, position FROM easeboard.events"
            " WHERE topic = 'ConnectionValidated' ORDER BY position"
        ).fetchall()
    assert [row[:3] for row in rows] == [(2, "a", "request of a"), (3, "c", "request of c")]
    assert {place.position for place in (results[0], results[2])} == {rows[-1][3]}


async def test_a_decision_stands_behind_the_facts_of_others(
    store: EventStore, other: EventStore, connection: Connection
) -> None:
    deciding = store.load_blocking(Connection, connection.id)
    for _ in range(3):
        await other.record(Connection, connection.id, lambda each: each.record_validation("Ada"))
    deciding.reject_token("Revoked")
    store.save_blocking(deciding)
    assert (store.load_blocking(Connection, connection.id)).status == "token_rejected"
    assert deciding.version == 5


async def test_a_decision_does_not_stand_behind_a_fact_in_a_newer_form(
    store: EventStore, other: EventStore, connection: Connection, database_url: str
) -> None:
    deciding = store.load_blocking(Connection, connection.id)
    await other.record(Connection, connection.id, lambda each: each.record_validation("Ada"))
    with psycopg.connect(database_url) as session:
        session.execute("ALTER TABLE easeboard.events DISABLE TRIGGER events_are_history")
        session.execute(
            "UPDATE easeboard.events SET state = %s WHERE version = 2",
            [b'\x00{"class_version":99}'],
        )
    deciding.reject_token("Revoked")
    with pytest.raises(EventUnreadable):
        store.save_blocking(deciding)
    with psycopg.connect(database_url) as session:
        assert session.execute("SELECT max(version) FROM easeboard.events").fetchone() == (2,)


async def test_readings_need_no_load_of_the_earlier_ones(
    store: EventStore, connection: Connection, person: UUID
) -> None:
    def read(access: HistoryAccess) -> None:
        assert access.person_id != person, "the aggregate has no state"
        access.record_read(
            connection_id=connection.id,
            person_id=person,
            reader="auditor",
            what="events",
            purpose="complaint",
        )

    stream = HistoryAccess.id_for(connection.id)
    for _ in range(3):
        await store.record(HistoryAccess, stream, read)
    assert (await store.load(HistoryAccess, stream)).version == 3
