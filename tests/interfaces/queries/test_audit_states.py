"""A state that auditors see is one that was, and goes no further than the high-water mark."""

import asyncio
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from application.erase_person import ErasePerson
from application.record_list_read import RecordListRead
from domain.connection import Connection
from domain.errors import ConnectionNotFound
from domain.history_access import ListAccess
from domain.sync import Sync
from infrastructure.event_store.errors import EventUnreadable
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.process import Process
from interfaces.queries import audit_history
from interfaces.queries.audit_history import VersionNotFound
from interfaces.queries.history_pages import LogNotSettled
from interfaces.requested_time import FIRST_TIME, LAST_TIME
from tests.infrastructure.event_store.aggregate_histories import (
    start_and_record_course,
)
from tests.interfaces.queries.audited_log import (
    CONNECTION,
    PERSON,
    SYNC,
    all_events,
    as_owner,
    read,
    slow_append,
)


async def test_a_state_at_a_time_is_the_state_after_a_whole_append(process: Process) -> None:
    await process.store.save(start_and_record_course(await process.store.load(Sync, SYNC)))
    await read(process)
    [*_, last] = events = await all_events(process)
    expected = [2, 2, 6, 6, 6, 6, 6]
    assert [event["position"] for event in events] == [1, 2, 3, 4, 5, 6, 7]
    for event, position in zip(events, expected, strict=True):
        at = datetime.fromisoformat(event["recorded_at"])
        state, place = await process.service.state_at(CONNECTION, as_of=at)
        assert (state["position"], place.position) == (position, 7)
    before = datetime.fromisoformat(events[0]["recorded_at"]) - timedelta(microseconds=1)
    state, _ = await process.service.state_at(CONNECTION, as_of=before)
    assert (state["position"], state["version"], state["connection"]) == (0, 0, None)
    future = datetime.fromisoformat("2999-01-01T00:00:00Z")
    assert await process.service.state_at(CONNECTION, as_of=future) == (
        await process.service.state_at(CONNECTION)
    )
    assert last["type"] == "HistoryRead"


async def test_a_state_at_a_version_has_what_was_recorded_with_it(process: Process) -> None:
    connection = await process.store.load(Connection, CONNECTION)
    connection.rotate_token("42", "c0ffee01")
    await process.store.save(connection)
    first, _ = await process.service.state_at(CONNECTION, version=1)
    assert (first["version"], first["position"], first["sync"]["version"]) == (1, 2, 1)
    assert first["sync"]["run"]["status"] == "queued"
    second, _ = await process.service.state_at(CONNECTION, version=2)
    assert (second["version"], second["position"], second["sync"]["version"]) == (2, 3, 1)
    nothing, _ = await process.service.state_at(CONNECTION, version=0)
    assert (nothing["position"], nothing["connection"]) == (0, None)
    with pytest.raises(VersionNotFound) as error:
        await process.service.state_at(CONNECTION, version=3)
    assert str(error.value) == f"The connection {CONNECTION} has no version 3; its newest one is 2."
    with pytest.raises(ConnectionNotFound, match="There is no connection"):
        await process.service.state_at(uuid4(), version=3)


async def test_the_state_of_an_erased_person_has_no_values(process: Process) -> None:
    before, _ = await process.service.state_at(CONNECTION)
    assert (before["redacted"], before["sync"]["completed_once"]) == (False, False)
    await process.erasure.erase(ErasePerson(person_id=PERSON))
    for version in (None, 1):
        state, _ = await process.service.state_at(CONNECTION, version=version)
        assert (state["redacted"], state["version"], state["connection"]) == (True, 1, None)
        assert state["sync"] == {
            "version": 1,
            "run": None,
            "completed_once": None,
            "courses": None,
        }
    nothing, _ = await process.service.state_at(CONNECTION, version=0)
    assert not nothing["redacted"]


@pytest.mark.parametrize("time", [FIRST_TIME, LAST_TIME])
async def test_the_first_and_the_last_time_that_may_be_asked_for_can_be_answered(
    process: Process, time: datetime
) -> None:
    service = process.service
    view, _ = await service.view_at(CONNECTION, as_of=time)
    state, _ = await service.state_at(CONNECTION, as_of=time)
    page, _ = await service.history(CONNECTION, since=FIRST_TIME, until=time)
    diff, _ = await service.diff(CONNECTION, since=FIRST_TIME, until=time)
    is_last = time == LAST_TIME
    assert (view.connection is not None) == (state["version"] == 1) == is_last
    assert len(page.items) == 2 * is_last
    assert [each["kind"] for each in diff["items"]] == ["connection_opened"] * is_last
    await service.readings(since=time)


async def test_a_key_that_cannot_be_decrypted_is_named_in_words(process: Process) -> None:
    with as_owner(process.database_url) as connection:
        connection.execute("UPDATE easeboard.people_keys SET wrapped = '\\x00'")
    process.mapper.forget_keys()
    reason = "the key of the person is missing or cannot be decrypted"
    for event in await all_events(process):
        assert event["payload"] == {"unreadable": reason}
        assert event["sentence"] == f"{event['type']} cannot be read: {reason}."
    with pytest.raises(EventUnreadable, match=reason):
        await process.service.view_at(CONNECTION)


async def test_an_append_of_an_earlier_release_with_several_times_is_not_divided(
    process: Process,
) -> None:
    with as_owner(process.database_url) as connection:
        connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER events_are_history")
        connection.execute(
            "UPDATE easeboard.events SET recorded_at = recorded_at + position * interval '1 ms'"
        )
    [opened, requested] = await all_events(process)
    for event, position in [(opened, 0), (requested, 2)]:
        at = datetime.fromisoformat(event["recorded_at"])
        state, _ = await process.service.state_at(CONNECTION, as_of=at)
        assert state["position"] == position


async def test_a_process_that_has_not_read_the_mark_learns_it_from_the_checkpoints(
    process: Process,
) -> None:
    with slow_append(process):
        await read(process)
        async with bootstrap(process.settings) as other:
            state, place = await other.service.state_at(CONNECTION)
            assert (state["version"], place.position) == (0, 0)
            with as_owner(process.database_url) as connection:
                connection.execute("UPDATE easeboard.projections SET position = 2")
            state, place = await other.service.state_at(CONNECTION)
            assert (state["version"], place.position) == (1, 2)
            with as_owner(process.database_url) as connection:
                connection.execute("UPDATE easeboard.projections SET position = 99")
            _, place = await other.service.state_at(CONNECTION)
            assert place.position == 4


async def test_a_state_waits_for_the_mark_and_is_read_no_further(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    with slow_append(process):
        connection = await process.store.load(Connection, CONNECTION)
        connection.rotate_token("42", "c0ffee01")
        await process.store.save(connection)
        monkeypatch.setattr(audit_history, "WAIT_SECONDS", 0.05)
        state, place = await process.service.state_at(CONNECTION)
        assert (state["position"], state["version"], place.position) == (2, 1, 2)
        with pytest.raises(LogNotSettled):
            await process.service.state_at(CONNECTION, version=2)
        monkeypatch.undo()
        waiting = asyncio.create_task(process.service.state_at(CONNECTION))
        await asyncio.sleep(0.3)
        assert not waiting.done()
    state, place = await waiting
    assert (state["position"], state["version"], place.position) == (4, 2, 4)
    assert (state["sync"]["version"], state["sync"]["run"]["status"]) == (2, "running")


async def test_a_read_of_the_list_is_an_event_in_the_stream_of_the_reader(process: Process) -> None:
    reader = uuid4()
    for what in ("connections", "connections user_id=x"):
        command = RecordListRead(reader_id=reader, what=what, purpose="complaint")
        await process.service.record_list_read(command)
    access = await process.store.load(ListAccess, ListAccess.id_for(reader))
    assert (access.version, access.person_id) == (2, reader)
