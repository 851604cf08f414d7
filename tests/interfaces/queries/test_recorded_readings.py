"""Who read what about whom: every reading, the newest first, and never a walk over the log."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from application.event_metadata import with_event_metadata
from application.record_history_read import RecordHistoryRead
from application.record_list_read import RecordListRead
from domain.history_access import HistoryAccess, ListAccess
from domain.log_position import LogPosition
from interfaces.composition.process import Process
from interfaces.queries import recorded_readings
from projections.support.page import BadCursor
from tests.infrastructure.event_store.aggregate_histories import new_connection
from tests.interfaces.queries.audited_log import CONNECTION, PERSON, as_owner
from tests.projections.pages import decode_page
from tests.query_plans import PlanNode, plan_of

BOB, EVE = uuid4(), uuid4()
MANY = """
INSERT INTO easeboard.events (stream, version, topic, command_id, person_id, state, actor)
SELECT md5((nth / 100)::text)::uuid, nth % 100 + 1,
       CASE WHEN nth % 100 = 0 THEN 'ConnectionOpened'
            WHEN nth % 1000 = 7 THEN 'HistoryRead'
            WHEN nth % 1000 = 8 THEN 'ConnectionsListed'
            ELSE 'CourseFetched'
       END,
       gen_random_uuid(), md5((nth / 200)::text)::uuid, '\\x00', 'reader-' || nth % 3
  FROM generate_series(100000, 119999) AS nth
"""


async def read(process: Process, reader: UUID, what: str, connection: UUID = CONNECTION) -> None:
    command = RecordHistoryRead(
        connection_id=connection, reader=str(reader), what=what, purpose=f"because of {what}"
    )
    with with_event_metadata(str(reader)):
        await process.service.record_history_read(command)


async def list_connections(
    process: Process, reader: UUID, what: str, about: UUID | None = None
) -> None:
    command = RecordListRead(reader_id=reader, what=what, purpose="overview", about=about)
    with with_event_metadata(str(reader)):
        await process.service.record_list_read(command)


async def readings(process: Process, **options: Any) -> list[dict[str, Any]]:
    """Return the items of all pages."""
    cursor, items = None, []
    while True:
        page, _ = await process.service.readings(cursor=cursor, **options)
        items += decode_page(page)
        if (cursor := page.next_cursor) is None:
            return items


async def disclosures(process: Process, person: UUID, **options: Any) -> list[dict[str, Any]]:
    cursor, items = None, []
    while True:
        page, _ = await process.service.disclosures_of(person, cursor=cursor, **options)
        items += decode_page(page)
        if (cursor := page.next_cursor) is None:
            return items


def whats(items: list[dict[str, Any]]) -> list[str]:
    return [item["what"] for item in items]


@pytest.fixture
async def other(process: Process) -> UUID:
    """A connection of another person."""
    connection = new_connection(uuid4())
    await process.store.save(connection)
    return connection.id


async def test_a_reading_names_its_reader_its_person_and_its_purpose(process: Process) -> None:
    await read(process, BOB, "events")
    await list_connections(process, BOB, "connections")
    await list_connections(process, BOB, "connections user_id=…", about=PERSON)
    about_ada, of_all, history = await readings(process)
    assert history == {
        "position": history["position"],
        "read_at": history["read_at"],
        "reader": str(BOB),
        "connection_id": str(CONNECTION),
        "user_id": str(PERSON),
        "what": "events",
        "purpose": "because of events",
    }
    assert list(history) == [
        *("position", "read_at", "reader", "connection_id", "user_id", "what", "purpose")
    ]
    assert (of_all["connection_id"], of_all["user_id"]) == (None, None)
    assert (about_ada["connection_id"], about_ada["user_id"]) == (None, str(PERSON))


@pytest.mark.parametrize("limit", [1, 2, 3, 500])
async def test_readings_are_selected_by_reader_and_connection(
    process: Process, other: UUID, limit: int
) -> None:
    await read(process, BOB, "1")
    await read(process, EVE, "2")
    await read(process, BOB, "3", other)
    await list_connections(process, BOB, "4")
    await read(process, EVE, "5", other)
    options = {"limit": limit}
    assert whats(await readings(process, **options)) == ["5", "4", "3", "2", "1"]
    assert whats(await readings(process, reader=str(BOB), **options)) == ["4", "3", "1"]
    assert whats(await readings(process, connection_id=CONNECTION, **options)) == ["2", "1"]
    both = {"reader": str(EVE), "connection_id": other}
    assert whats(await readings(process, **both, **options)) == ["5"]
    assert await readings(process, connection_id=uuid4(), **options) == []
    assert await readings(process, reader="cli:nobody", **options) == []


async def test_a_person_finds_all_readings_of_their_data(process: Process, other: UUID) -> None:
    await read(process, BOB, "1")
    await read(process, BOB, "2", other)
    await list_connections(process, BOB, "3")
    await list_connections(process, BOB, "4", about=PERSON)
    await list_connections(process, PERSON, "5: Ada is an auditor too")
    await read(process, EVE, "6")
    for limit in (1, 2, 500):
        assert whats(await disclosures(process, PERSON, limit=limit)) == ["6", "4", "1"]
    [first, *_] = await disclosures(process, PERSON)
    assert list(first) == ["position", "read_at", "reader", "connection_id", "what", "purpose"]
    assert await disclosures(process, uuid4()) == []


async def test_the_readings_of_an_erased_person_stay_readable(process: Process) -> None:
    await read(process, BOB, "1")
    with as_owner(process.database_url) as connection:
        connection.execute(
            "UPDATE easeboard.people_keys"
            " SET key_id = NULL, wrapped = NULL, destroyed_at = clock_timestamp()"
        )
    process.mapper.forget_keys()
    await read(process, BOB, "2")
    assert whats(await readings(process)) == ["2", "1"]
    assert [item["purpose"] for item in await disclosures(process, PERSON)] == [
        "because of 2",
        "because of 1",
    ]


async def test_a_list_begins_at_a_time(process: Process) -> None:
    for nth in range(4):
        await read(process, BOB, str(nth))
    newest = await readings(process)
    times = [datetime.fromisoformat(item["read_at"]) for item in reversed(newest)]
    for limit in (1, 2, 500):
        since = {"since": times[2], "limit": limit}
        assert whats(await readings(process, **since)) == ["3", "2"]
        assert whats(await disclosures(process, PERSON, **since)) == ["3", "2"]
    assert await readings(process, since=times[3] + timedelta(microseconds=1)) == []


async def test_readings_of_releases_before_have_no_purpose(process: Process) -> None:
    await read(process, BOB, "events")
    with as_owner(process.database_url) as connection:
        connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER events_are_history")
        state = '\\x00{"person_id":"%s","connection_id":"%s","reader":"%s","what":"old"}'
        connection.execute(
            "UPDATE easeboard.events SET state = %s WHERE topic = 'HistoryRead'",
            [(state % (PERSON, CONNECTION, BOB)).replace("\\x00", "\0").encode()],
        )
    [reading] = await readings(process)
    assert (reading["what"], reading["purpose"]) == ("old", None)
    access = await process.store.load(HistoryAccess, HistoryAccess.id_for(CONNECTION))
    assert access.person_id == PERSON


async def test_a_list_goes_no_further_than_the_mark_it_is_given(process: Process) -> None:
    await read(process, BOB, "1")
    page, place = await process.service.readings()
    await read(process, BOB, "2")
    at = LogPosition(place.timeline, place.position)
    again, _ = await process.service.readings(at=at)
    mine, _ = await process.service.disclosures_of(PERSON, at=at)
    assert again.items == page.items
    assert whats(decode_page(mine)) == ["1"]


@pytest.mark.parametrize("cursor", ["nonsense", "WzEsMl0", "WyJhIl0"])
async def test_a_cursor_of_another_list_is_refused(process: Process, cursor: str) -> None:
    with pytest.raises(BadCursor):
        await process.service.readings(cursor=cursor)
    with pytest.raises(BadCursor):
        await process.service.disclosures_of(PERSON, cursor=cursor)


@pytest.mark.parametrize("limit", [1, 100])
async def test_only_own_readings_of_the_list_leave_its_basis(process: Process, limit: int) -> None:
    async def basis() -> bytes | None:
        page, _ = await process.service.readings(asked_by=str(BOB), limit=limit)
        return page.basis

    await read(process, EVE, "1")
    first = await basis()
    for _ in range(3):
        await list_connections(process, BOB, "readings")
        assert await basis() == first
    await list_connections(process, EVE, "readings")
    second = await basis()
    assert second != first
    await read(process, BOB, "2")
    assert await basis() not in {first, second}


async def test_the_basis_is_found_among_many_own_lists(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded_readings, "SEARCHED_READINGS", 3)
    await read(process, EVE, "1")
    tags = []
    for _ in range(6):
        page, _ = await process.service.readings(asked_by=str(BOB), limit=1)
        tags.append(page.basis)
        await list_connections(process, BOB, "readings")
    assert len(set(tags)) == 2, "it changes once, when the other reading is too far away"
    assert tags[3:] == 3 * [b"0"]


def indexes_of(nodes: list[PlanNode]) -> set[str]:
    """Return the indexes that a plan reads; it must read no table without one."""
    assert not any(node.type == "Seq Scan" for node in nodes)
    return {node.index_name for node in nodes if node.index_name}


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("people", [1, -1], ids=lambda n: f"n_distinct={n}")
async def test_no_list_is_read_by_a_walk_over_the_log(
    process: Process, mode: str, people: int
) -> None:
    person = {"person": PERSON, "own_lists": ListAccess.id_for(PERSON)}
    connection_filter: dict[str, Any] = {
        "connection": CONNECTION,
        "stream": HistoryAccess.id_for(CONNECTION),
    }
    by_index: dict[str, tuple[Any, dict[str, Any]]] = {
        "events_readings": (recorded_readings.OF_ALL, {}),
        "events_readings_by_reader": (recorded_readings.OF_READER, {"reader": "reader-1"}),
        "events_readings_by_person": (recorded_readings.OF_PERSON, person),
    }
    with as_owner(process.database_url) as owner:
        owner.execute(MANY.encode())
        owner.execute(f"ALTER TABLE easeboard.events ALTER person_id SET (n_distinct = {people})")
        owner.execute("ANALYZE easeboard.events")
        owner.execute(f"SET plan_cache_mode = {mode}")
        for index, (statement, parameters) in by_index.items():
            values = {**parameters, "up_to": 10**9, "limit": 101}
            assert indexes_of(plan_of(owner, statement, values)) == {index}
        for reader in (None, "reader-1"):
            values = {**connection_filter, "reader": reader, "up_to": 10**9, "limit": 101}
            nodes = plan_of(owner, recorded_readings.OF_CONNECTION, values)
            assert indexes_of(nodes) == {"events_readings_by_person", "events_stream_version"}
