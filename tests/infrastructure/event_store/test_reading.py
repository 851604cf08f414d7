"""Reading the log from a position, and reading its history for audits."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from application.event_metadata import with_event_metadata
from domain.connection import Connection
from domain.event import Redacted
from domain.sync import Sync
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store import log_reader
from infrastructure.event_store.history import (
    EVERYTHING,
    PositionRange,
    find_range,
    read_history,
    read_last_position,
)
from infrastructure.event_store.log_reader import EventPage, LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.pools import ReadPool, WritePool, open_read_pool
from tests.infrastructure.event_store.aggregate_histories import (
    new_connection,
    requested_sync,
    start_and_record_course,
)

TOPICS = ["ConnectionOpened", "SyncRequested", "CourseFetched", "GradeChanged"]
CAUSE = UUID(int=7)


@pytest.fixture
async def read_pool(database_url: str) -> AsyncIterator[ReadPool]:
    async with open_read_pool(database_url) as pool:
        yield pool


@pytest.fixture
def person(store: EventStore) -> UUID:
    """A person with a connection (position 1) and a run with a course (2 to 6)."""
    person = uuid4()
    with with_event_metadata("ada", correlation_id="request-1", causation_id=CAUSE):
        store.save_blocking(new_connection(person))
    store.save_blocking(start_and_record_course(requested_sync(person)))
    return person


def read_topics(reader: LogReader, after: int, limit: int) -> tuple[list[str], int]:
    page = reader.read(after, reader.high_water_mark(), TOPICS, limit)
    return [type(recorded.event).__name__ for recorded in page.events], page.up_to


def test_the_high_water_mark_of_an_empty_log_is_zero(reader: LogReader) -> None:
    assert reader.high_water_mark() == 0
    assert reader.read(0, 0, TOPICS, 10) == EventPage([], 0, [])


@pytest.mark.usefixtures("person")
def test_a_page_states_the_last_position_it_covers(reader: LogReader) -> None:
    assert reader.high_water_mark() == 6
    assert read_topics(reader, 0, 3) == (["ConnectionOpened", "SyncRequested", "CourseFetched"], 4)
    assert read_topics(reader, 4, 3) == (["GradeChanged", "GradeChanged"], 6)
    assert reader.read(4, 6, ["SyncFailed"], 3) == EventPage([], 6, [])
    assert reader.read(0, 1, TOPICS, 3).up_to == 1


@pytest.mark.usefixtures("person")
def test_a_page_of_large_events_ends_early_without_losing_any(
    reader: LogReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_reader, "MAX_PAGE_BYTES", 200)
    topics: list[str] = []
    after = 0
    while after < 6:
        names, after = read_topics(reader, after, 100)
        assert names
        assert len(names) < 3
        topics += names
    assert topics == ["ConnectionOpened", "SyncRequested", "CourseFetched"] + ["GradeChanged"] * 2


def test_a_recorded_event_has_its_position_person_and_time(reader: LogReader, person: UUID) -> None:
    (recorded,) = reader.read(0, 1, TOPICS, 1).events
    assert (recorded.position, recorded.person_id) == (1, person)
    assert recorded.event.timestamp == recorded.recorded_at
    assert recorded.event.originator_id == new_connection(person).id


@pytest.mark.usefixtures("person")
def test_an_unreadable_event_is_reported_and_the_others_stay_readable(
    reader: LogReader, pool: WritePool
) -> None:
    with pool.connection() as connection:
        connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER events_are_history")
        connection.execute("UPDATE easeboard.events SET version = 9 WHERE position = 4")
    page = reader.read(0, 6, TOPICS, 10)
    assert len(page.events) == 4
    assert page.up_to == 6
    assert [error.position for error in page.unreadable] == [4]
    assert reader.read(2, 6, TOPICS, 1).up_to == 4


def test_events_of_an_erased_person_are_read_as_redacted(
    reader: LogReader, keys: PersonKeys, store: EventStore, person: UUID
) -> None:
    keys.destroy(person)
    events = [recorded.event for recorded in reader.read(0, 6, TOPICS, 10).events]
    assert [type(event) for event in events] == [Redacted] * 5
    sync = store.load_blocking(Sync, requested_sync(person).id)
    assert (sync.version, sync.run, sync.courses) == (5, None, {})


async def test_history_contains_actor_and_causation(
    read_pool: ReadPool, mapper: Mapper, person: UUID
) -> None:
    connection, sync = new_connection(person).id, requested_sync(person).id
    rows = await read_history(read_pool, mapper, [connection, sync])
    assert [row.position for row in rows] == [1, 2, 3, 4, 5, 6]
    opened, requested = rows[:2]
    assert (opened.actor, opened.correlation_id, opened.causation_id) == (
        "ada",
        "request-1",
        CAUSE,
    )
    assert requested.actor == "system"
    assert requested.correlation_id
    assert requested.correlation_id.startswith("system-")
    assert (opened.topic, opened.stream, opened.version) == ("ConnectionOpened", connection, 1)
    assert (opened.person_id, opened.payload["canvas_user_name"]) == (person, "Ada")
    assert opened.recorded_at.utcoffset() == timedelta(0)
    assert len({row.event_id for row in rows}) == 6
    assert len({row.command_id for row in rows}) == 2
    assert await read_last_position(read_pool) == 6


async def test_history_can_be_filtered(read_pool: ReadPool, mapper: Mapper, person: UUID) -> None:
    streams = [new_connection(person).id, requested_sync(person).id]
    everything = await read_history(read_pool, mapper, streams)
    third_recorded_at = everything[2].recorded_at

    async def positions(range_: PositionRange = EVERYTHING, **filters: object) -> list[int]:
        rows = await read_history(read_pool, mapper, streams, range_, **filters)  # type: ignore[arg-type]  # each filter has its own type
        return [row.position for row in rows]

    assert await positions(PositionRange(4, 9)) == [5, 6]
    assert await positions(PositionRange(0, 2)) == [1, 2]
    assert await positions(PositionRange(1, 4), newest_first=True) == [4, 3, 2]
    assert await positions(newest_first=True, limit=2) == [6, 5]
    assert await positions(topics=["GradeChanged"]) == [5, 6]
    assert await positions(PositionRange(1, 6), limit=1) == [2]
    assert await positions(PositionRange(6, 9)) == []
    # The second to sixth event are one append, which has one time.
    assert everything[1].recorded_at == third_recorded_at
    times = {"since": third_recorded_at, "until": third_recorded_at}
    since = await find_range(read_pool, streams, PositionRange(0, 9), since=times["since"])
    until = await find_range(read_pool, streams, PositionRange(0, 9), until=times["until"])
    assert (since, until) == (PositionRange(1, 9), PositionRange(0, 1))
    assert await read_history(read_pool, mapper, [uuid4()]) == []


async def test_the_history_of_an_erased_person_is_redacted(
    read_pool: ReadPool, mapper: Mapper, keys: PersonKeys, person: UUID
) -> None:
    keys.destroy(person)
    rows = await read_history(read_pool, mapper, [new_connection(person).id])
    assert [(row.topic, row.payload) for row in rows] == [("ConnectionOpened", {"redacted": True})]


async def test_no_personal_data_is_stored_in_plain_text(
    read_pool: ReadPool, store: EventStore
) -> None:
    person = uuid4()
    store.save_blocking(new_connection(person, name="Ada" * 2000))
    async with read_pool.connection() as connection:
        rows = await (await connection.execute("SELECT state FROM easeboard.events")).fetchall()
    assert all(b"Ada" not in state and b"canvas" not in state for (state,) in rows)
    assert len(rows[0][0]) < 500
    loaded = store.load_blocking(Connection, new_connection(person).id)
    assert loaded.canvas_user_name == "Ada" * 2000


async def test_saving_without_pending_events_needs_no_round_trip(
    store: EventStore, pool: WritePool, person: UUID
) -> None:
    loaded = await store.load(Connection, new_connection(person).id)
    pool.close()
    await store.save(loaded)
    await store.save_snapshot(loaded)
