"""What a view shows besides the documents, and what it leaves out."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import psycopg
import pytest

from domain.errors import ConnectionNotFound
from domain.sync import Sync
from interfaces.composition.process import Process
from interfaces.queries.past_views import fold as folding
from interfaces.queries.past_views import state_filler
from interfaces.queries.past_views.view_models import project_onto
from tests.canvas_builders import assignment, course
from tests.infrastructure.event_store.background_jobs import wait_until_free
from tests.interfaces.queries.past_views.viewed_history import documents_of, process_with
from tests.projections.event_builders import EventLogBuilder, StudentAccount


def new_account(url: str = "https://canvas.example") -> StudentAccount:
    account = StudentAccount(EventLogBuilder(), url=url).open()
    account.run((course("11", name="Biology"), [assignment("1", name="Essay")]))
    return account.run((course("11", name="Biology"), [assignment("1", name="Essay 2")]))


def positions_of(account: StudentAccount, topic: str) -> list[int]:
    return [each.position for each in account.log.events if type(each.event).__name__ == topic]


async def test_a_view_counts_one_connection_only(database_url: str) -> None:
    first = new_account()
    second = StudentAccount(first.log, url="https://other.example").open()
    second.run((course("11", name="History"), [assignment("1"), assignment("2")]))
    async with process_with(database_url, first.log.events) as process:
        view, _ = await process.service.view_at(first.id)
    documents = documents_of(view)
    assert [each["name"] for each in documents["courses"]] == ["Biology"]
    assert documents["dashboard"]["assignments"]["total"] == 1
    assert documents["dashboard"]["connections"] == {"active": 1, "failing": 0}


async def test_the_connection_is_that_of_the_time(database_url: str) -> None:
    account = new_account()
    opened = account.log.events[0].recorded_at
    account.change_connection(lambda connection: connection.reject_token("revoked"))
    async with process_with(database_url, account.log.events) as process:
        then, _ = await process.service.view_at(account.id, as_of=opened)
        now, _ = await process.service.view_at(account.id)
    assert then.connection
    assert now.connection
    assert (then.connection["status"], then.connection["last_synced_at"]) == ("active", None)
    assert (now.connection["status"], now.connection["version"]) == ("token_rejected", 2)
    assert now.connection["last_synced_at"] is not None
    assert "next_sync_at" not in now.connection
    assert orjson.loads(now.encode())["position"] == len(account.log.events)


async def test_an_unreadable_event_is_named_and_stops_its_stream(database_url: str) -> None:
    account = new_account()
    _, second = positions_of(account, "CourseFetched")
    async with process_with(database_url, account.log.events) as process:
        with psycopg.connect(database_url, autocommit=True) as owner:
            owner.execute("ALTER TABLE easeboard.events DISABLE TRIGGER events_are_history")
            owner.execute(
                "UPDATE easeboard.events SET state = state || '\\x00' WHERE position = %s",
                [second],
            )
        view, _ = await process.service.view_at(account.id)
    assert [each["name"] for each in documents_of(view)["assignments"]] == ["Essay"]
    [left_out] = view.left_out
    assert (left_out["position"], left_out["type"]) == (second, "CourseFetched")
    assert set(left_out["read_models"]) == {"courses", "assignments", "grades", "dashboard_stats"}
    assert "changed" in left_out["reason"]


async def test_an_event_that_a_projector_cannot_apply_is_named(
    database_url: str, monkeypatch: Any
) -> None:
    account = new_account()
    _, second = positions_of(account, "CourseFetched")

    def fail_for_second(name: str, rows: Any, events: Any) -> None:
        if name == "grades" and any(each.position == second for each in events):
            raise ValueError("no such grade")
        project_onto(name, rows, events)

    monkeypatch.setattr(folding, "project_onto", fail_for_second)
    async with process_with(database_url, account.log.events) as process:
        view, _ = await process.service.view_at(account.id)
    documents = documents_of(view)
    assert [each["name"] for each in documents["assignments"]] == ["Essay 2"]
    assert [each["name"] for each in documents["grades"][0]["assignments"]] == ["Essay"]
    assert [(each["position"], each["read_models"]) for each in view.left_out] == [
        (second, ["grades"])
    ]


async def test_what_an_administrator_skipped_is_left_out(database_url: str) -> None:
    account = new_account()
    _, second = positions_of(account, "CourseFetched")
    async with process_with(database_url, account.log.events) as process:
        with psycopg.connect(database_url, autocommit=True) as owner:
            owner.execute(
                "INSERT INTO easeboard.skipped_events (projection, id, position)"
                " SELECT 'assignments', event_id, position FROM easeboard.events"
                " WHERE position = %s",
                [second],
            )
        view, _ = await process.service.view_at(account.id)
    assert [each["name"] for each in documents_of(view)["assignments"]] == ["Essay"]
    assert [(each["position"], each["reason"]) for each in view.left_out] == [
        (second, "an administrator left it out")
    ]


async def test_a_stored_state_that_cannot_be_used_is_ignored(
    database_url: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr(state_filler, "INTERVAL_EVENTS", 2)
    account = new_account()
    async with process_with(database_url, account.log.events) as process:
        whole = documents_of((await process.service.view_at(account.id))[0])
        wait_until_free(process.store.background)
        with psycopg.connect(database_url, autocommit=True) as owner:
            cursor = owner.execute("UPDATE easeboard.past_views SET state = state || '\\x00'")
            assert cursor.rowcount > 1
        assert documents_of((await process.service.view_at(account.id))[0]) == whole
        with psycopg.connect(database_url, autocommit=True) as owner:
            owner.execute("UPDATE easeboard.past_views SET event_id = gen_random_uuid()")
        assert documents_of((await process.service.view_at(account.id))[0]) == whole


async def test_what_is_no_connection_has_no_view(database_url: str) -> None:
    account = new_account()
    first = account.log.events[0].recorded_at
    async with process_with(database_url, account.log.events) as process:
        for stream in (Sync.id_for(account.id), uuid4()):
            for as_of in (None, first - timedelta(days=1)):
                with pytest.raises(ConnectionNotFound):
                    await process.service.view_at(stream, as_of=as_of)


async def test_states_are_stored_after_the_answer_and_once(
    database_url: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr(state_filler, "INTERVAL_EVENTS", 4)
    monkeypatch.setattr(state_filler, "STATES_PER_STATEMENT", 2)
    account = new_account()
    for name in ("Essay 3", "Essay 4", "Essay 5"):
        account.run((course("11", name="Biology"), [assignment("1", name=name)]))
    async with process_with(database_url, account.log.events) as process:
        views = await asyncio.gather(*(process.service.view_at(account.id) for _ in range(8)))
        assert len({view.encode().partition(b"position")[2] for view, _ in views}) == 1
        wait_until_free(process.store.background)
        stored = _states(database_url)
        assert len(stored) >= 3
        again, _ = await process.service.view_at(account.id)
        wait_until_free(process.store.background)
        assert documents_of(again) == documents_of(views[0][0])
        assert _states(database_url) == stored


def _states(url: str) -> list[int]:
    with psycopg.connect(url) as database:
        rows = database.execute("SELECT version FROM easeboard.past_views ORDER BY version")
        return [version for (version,) in rows]


async def test_events_without_names_get_those_of_their_time(database_url: str) -> None:
    account = new_account()
    account.run((course("11", name="Biology 2"), [assignment("1", name="Essay 3", due_at=None)]))
    account.run()
    account.run()
    async with process_with(database_url, account.log.events) as process:
        everything = await _sentences(process, account)
        alone = await _sentences(process, account, types=frozenset({"CourseWithdrawn"}))
        changes = await _sentences(process, account, types=frozenset({"DueDateChanged"}))
        newest = await _sentences(process, account, sort="-position", limit=2)
    assert alone == ["Canvas no longer has “Biology 2” for the student."]
    assert set(alone + changes + newest) <= set(everything)
    assert changes == [
        "Due date of “Essay 3” in “Biology 2” was removed; it was 2026-09-11 05:59:59 UTC."
    ]


async def _sentences(process: Process, account: StudentAccount, **options: Any) -> list[str]:
    page, _ = await process.service.history(account.id, **options)
    return [orjson.loads(item)["sentence"] for item in page.items]
