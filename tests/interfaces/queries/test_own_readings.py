"""The basis of a page of history changes with every event but the readings of its reader."""

from typing import Any

import pytest

from application.event_metadata import with_event_metadata
from application.record_history_read import RecordHistoryRead
from domain.connection import Connection
from interfaces.composition.process import Process
from interfaces.queries import own_readings
from projections.support.page import Page
from tests.interfaces.queries.audited_log import CONNECTION, PERSON, SYNC, as_owner, slow_append
from tests.query_plans import plan_of

READER, OTHER = "reader-1", "reader-2"
SEALED = "seal_checkpoints_last_position_key"
LISTS: list[dict[str, Any]] = [
    {"sort": sort, "limit": limit}
    for sort in ("position", "-position")
    for limit in (1, 2, 3, 4, 500)
]
BY_LIST = pytest.mark.parametrize("options", LISTS, ids=str)


async def page(process: Process, **options: Any) -> Page:
    found, _ = await process.service.history(CONNECTION, reader=READER, **options)
    return found


async def record(process: Process, reader: str) -> None:
    command = RecordHistoryRead(
        connection_id=CONNECTION, reader=reader, what="events", purpose="complaint"
    )
    with with_event_metadata(reader):
        await process.service.record_history_read(command)


async def rotate(process: Process) -> None:
    connection = await process.store.load(Connection, CONNECTION)
    connection.rotate_token("42", f"c0ffee{connection.version:02}")
    await process.store.save(connection)


@BY_LIST
async def test_own_readings_do_not_change_it(process: Process, options: dict[str, Any]) -> None:
    await record(process, OTHER)
    first = await page(process, **options)
    assert first.basis is not None
    for _ in range(5):
        await record(process, READER)
        assert (await page(process, **options)).basis == first.basis


@BY_LIST
async def test_another_event_changes_it_unless_the_page_is_full_before(
    process: Process, options: dict[str, Any]
) -> None:
    for rotates in (True, False):
        before = await page(process, **options)
        await (rotate(process) if rotates else record(process, OTHER))
        after = await page(process, **options)
        is_same = (before.items, before.next_cursor is None) == (
            after.items,
            after.next_cursor is None,
        )
        assert (before.basis == after.basis) is is_same


async def test_a_page_that_is_just_full_shows_that_another_one_follows(process: Process) -> None:
    full = await page(process, limit=2)
    assert (len(full.items), full.next_cursor) == (2, None)
    await record(process, READER)
    assert (await page(process, limit=2)).basis == full.basis, "only an own reading follows"
    await rotate(process)
    assert (await page(process, limit=2)).basis != full.basis


async def test_a_later_page_has_what_it_had(process: Process) -> None:
    await rotate(process)
    for sort in ("position", "-position"):
        first = await page(process, sort=sort, limit=1)
        second = await page(process, sort=sort, limit=1, cursor=first.next_cursor)
        await record(process, READER)
        await rotate(process)
        again = await page(process, sort=sort, limit=1, cursor=first.next_cursor)
        assert (second.basis, again) == (None, second)


async def test_a_list_without_readings_depends_on_its_items(process: Process) -> None:
    for types, has_basis in (
        (frozenset({"TokenRotated"}), False),
        (frozenset({"HistoryRead"}), True),
    ):
        found = await page(process, types=types)
        assert (found.basis is not None) is has_basis
    whole, _ = await process.service.history(CONNECTION)
    assert whole.basis is None, "it has no reader"


@BY_LIST
async def test_an_erasure_changes_it(process: Process, options: dict[str, Any]) -> None:
    before = await page(process, **options)
    with as_owner(process.database_url) as connection:
        connection.execute(
            "UPDATE easeboard.people_keys SET key_id = NULL, wrapped = NULL,"
            " destroyed_at = clock_timestamp() WHERE person_id = %s",
            [PERSON],
        )
    process.mapper.forget_keys()
    assert (await page(process, **options)).basis != before.basis


async def test_it_changes_once_more_when_the_newest_events_are_sealed(process: Process) -> None:
    before = await page(process, sort="-position")
    for size, last_position in ((1, 1), (2, 2)):
        with as_owner(process.database_url) as connection:
            connection.execute(
                "INSERT INTO easeboard.seal_checkpoints (size, last_position, root, note)"
                " VALUES (%s, %s, sha256('root'), 'a note')",
                [size, last_position],
            )
        after = await page(process, sort="-position")
        assert (after.basis != before.basis) is (last_position == 2)


async def test_an_event_beyond_the_mark_is_not_in_it(process: Process) -> None:
    before = await page(process, limit=2)
    with slow_append(process):
        assert (await page(process, limit=2)).basis == before.basis
    while (await process.store.end_of(SYNC)).version < 2:
        pass
    assert (await page(process, limit=2)).basis != before.basis


async def test_it_is_found_among_many_own_readings(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_readings, "SEARCHED_READINGS", 3)
    await record(process, OTHER)
    bases = []
    for _ in range(7):
        bases.append((await page(process, sort="-position")).basis)
        await record(process, READER)
    assert len(set(bases)) == 2, "it changes once, when the other reading is too far away"
    assert len(set(bases[3:])) == 1


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
async def test_it_is_not_found_by_a_walk_over_the_log(process: Process, mode: str) -> None:
    with as_owner(process.database_url) as owner:
        owner.execute(
            "INSERT INTO easeboard.events"
            " (stream, version, topic, command_id, person_id, state, actor)"
            " SELECT md5((nth / 500)::text)::uuid, nth %% 500 + 1, 'HistoryRead',"
            " gen_random_uuid(), %s, '\\x00', 'reader-1' FROM generate_series(0, 19999) AS nth",
            [PERSON],
        )
        owner.execute("ANALYZE easeboard.events")
        owner.execute(f"SET plan_cache_mode = {mode}")
        parameters = {
            "streams": [CONNECTION, SYNC],
            "connection": CONNECTION,
            "up_to": 30_000,
            "reader": READER,
            "searched": 200,
        }
        nodes = plan_of(owner, own_readings.SELECT_OTHERS, parameters)
        assert not any(node.type == "Seq Scan" and node.table == "events" for node in nodes)
        found = {node.index_name for node in nodes if node.index_name}
        assert found <= {"events_stream_version", "people_keys_pkey", SEALED}
        conditions = [n.condition for n in nodes if n.index_name == "events_stream_version"]
        assert any("version >" in condition for condition in conditions), "the newest only"
