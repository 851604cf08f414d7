"""The log read from a position on, and as an auditor reads it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from application.event_metadata import acting
from domain.connection import Connection
from domain.event import Redacted
from domain.sync import Sync
from infrastructure.crypto.person_keys import PeopleKeys
from infrastructure.event_store import log_reader
from infrastructure.event_store.errors import EventUnreadable
from infrastructure.event_store.history import AsyncPool, head, history
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.execute import Pool
from infrastructure.postgres.pools import reads
from tests.infrastructure.event_store.aggregate_histories import connection_of, run, sync_of

TOPICS = ["ConnectionOpened", "SyncRequested", "CourseFetched", "GradeChanged"]
CAUSE = UUID(int=7)


@pytest.fixture
async def audit(database_url: str) -> AsyncIterator[AsyncPool]:
    async with reads(database_url) as pool:
        yield pool


@pytest.fixture
def person(store: EventStore) -> UUID:
    """Somebody with a connection (position 1) and a run with a course (2 to 6)."""
    person = uuid4()
    with acting("ada", correlation_id="request-1", causation_id=CAUSE):
        store.save_now(connection_of(person))
    store.save_now(run(sync_of(person)))
    return person


def topics(reader: LogReader, after: int, limit: int) -> tuple[list[str], int]:
    batch = reader.read(after, reader.safe(), TOPICS, limit)
    return [type(recorded.event).__name__ for recorded in batch.events], batch.upto


def test_an_empty_log_is_safe_at_zero(reader: LogReader) -> None:
    assert reader.safe() == 0
    assert reader.read(0, 0, TOPICS, 10) == ([], 0)


@pytest.mark.usefixtures("person")
def test_a_batch_says_how_far_it_has_looked(reader: LogReader) -> None:
    assert reader.safe() == 6
    assert topics(reader, 0, 3) == (["ConnectionOpened", "SyncRequested", "CourseFetched"], 4)
    assert topics(reader, 4, 3) == (["GradeChanged", "GradeChanged"], 6)
    assert reader.read(4, 6, ["SyncFailed"], 3) == ([], 6)
    assert reader.read(0, 1, TOPICS, 3).upto == 1


@pytest.mark.usefixtures("person")
def test_a_batch_of_large_events_ends_early_and_loses_none(
    reader: LogReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_reader, "MOST_BYTES", 200)
    seen: list[str] = []
    after = 0
    while after < 6:
        names, after = topics(reader, after, 100)
        assert names
        assert len(names) < 3
        seen += names
    assert seen == ["ConnectionOpened", "SyncRequested", "CourseFetched"] + ["GradeChanged"] * 2


def test_what_is_read_is_what_was_recorded(reader: LogReader, person: UUID) -> None:
    (recorded,) = reader.read(0, 1, TOPICS, 1).events
    assert (recorded.position, recorded.person_id) == (1, person)
    assert recorded.event.timestamp == recorded.recorded_at
    assert recorded.event.originator_id == connection_of(person).id


@pytest.mark.usefixtures("person")
def test_one_unreadable_event_is_named_and_the_others_are_not_lost(
    reader: LogReader, pool: Pool
) -> None:
    with pool.connection() as connection:
        connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER events_are_history")
        connection.execute("UPDATE easeboard.events SET version = 9 WHERE position = 4")
    with pytest.raises(EventUnreadable) as unreadable:
        reader.read(0, 6, TOPICS, 10)
    assert unreadable.value.position == 4
    assert len(reader.read(0, 3, TOPICS, 10).events) == 2
    assert len(reader.read(4, 6, TOPICS, 10).events) == 2


def test_the_erased_are_read_as_redacted(
    reader: LogReader, keys: PeopleKeys, store: EventStore, person: UUID
) -> None:
    keys.destroy(person)
    events = [recorded.event for recorded in reader.read(0, 6, TOPICS, 10).events]
    assert [type(event) for event in events] == [Redacted] * 5
    sync = store.load_now(Sync, sync_of(person).id)
    assert (sync.version, sync.run, sync.courses) == (5, None, {})


async def test_history_tells_who_and_why(audit: AsyncPool, mapper: Mapper, person: UUID) -> None:
    connection, sync = connection_of(person).id, sync_of(person).id
    rows = await history(audit, mapper, [connection, sync])
    assert [row.position for row in rows] == [1, 2, 3, 4, 5, 6]
    opened, requested = rows[:2]
    assert (opened.actor, opened.correlation_id, opened.causation_id) == (
        "ada",
        "request-1",
        CAUSE,
    )
    assert (requested.actor, requested.correlation_id) == ("system", None)
    assert (opened.topic, opened.stream, opened.version) == ("ConnectionOpened", connection, 1)
    assert (opened.person_id, opened.payload["canvas_user_name"]) == (person, "Ada")
    assert opened.recorded_at.utcoffset() == timedelta(0)
    assert len({row.event_id for row in rows}) == 6
    assert len({row.command_id for row in rows}) == 2
    assert await head(audit) == 6


async def test_history_can_be_narrowed(audit: AsyncPool, mapper: Mapper, person: UUID) -> None:
    streams = [connection_of(person).id, sync_of(person).id]
    everything = await history(audit, mapper, streams)
    third = everything[2].recorded_at

    async def positions(**asked: object) -> list[int]:
        rows = await history(audit, mapper, streams, **asked)  # type: ignore[arg-type]  # one of several
        return [row.position for row in rows]

    assert await positions(after_position=4) == [5, 6]
    assert await positions(upto=2) == [1, 2]
    assert await positions(topics=["GradeChanged"]) == [5, 6]
    assert await positions(since=third) == [3, 4, 5, 6]
    assert await positions(until=third) == [1, 2]
    assert await positions(after_version=4) == [6]
    assert await positions(limit=1, after_position=1) == [2]
    assert await history(audit, mapper, [uuid4()]) == []


async def test_the_history_of_the_erased_says_nothing(
    audit: AsyncPool, mapper: Mapper, keys: PeopleKeys, person: UUID
) -> None:
    keys.destroy(person)
    rows = await history(audit, mapper, [connection_of(person).id])
    assert [(row.topic, row.payload) for row in rows] == [("ConnectionOpened", {"redacted": True})]


async def test_nothing_of_a_person_is_in_the_clear(audit: AsyncPool, store: EventStore) -> None:
    person = uuid4()
    store.save_now(connection_of(person, name="Ada" * 2000))
    async with audit.connection() as connection:
        rows = await (await connection.execute("SELECT state FROM easeboard.events")).fetchall()
    assert all(b"Ada" not in state and b"canvas" not in state for (state,) in rows)
    assert len(rows[0][0]) < 500
    loaded = store.load_now(Connection, connection_of(person).id)
    assert loaded.canvas_user_name == "Ada" * 2000


async def test_what_has_no_news_costs_no_round_trip(
    store: EventStore, pool: Pool, person: UUID
) -> None:
    loaded = await store.load(Connection, connection_of(person).id)
    pool.close()
    await store.save(loaded)
    await store.remember(loaded)
