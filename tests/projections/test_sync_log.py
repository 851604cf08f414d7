"""Queries of `sync_log`: the list of runs, and the sync status of each connection."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from psycopg_pool import AsyncConnectionPool

from domain.events.sync import Progress
from domain.sync_schedule import delay_index, next_due_at
from projections.support.json_documents import format_rfc3339
from projections.sync_log.query import connections_with_active_sync, sync_status_of, syncs_of
from tests.canvas_builders import assignment, course
from tests.projections.conftest import ProjectNewEvents
from tests.projections.event_builders import (
    PERSON,
    REQUEST_COUNTS,
    STARTED_AT,
    EventLogBuilder,
    StudentAccount,
)
from tests.projections.pages import decode_page, fetch, fetch_all_pages

INTERVAL = timedelta(hours=2)


def next_sync_time(account: StudentAccount, idle_since: datetime) -> str:
    return format_rfc3339(next_due_at(idle_since, delay_index(account.id, 0), INTERVAL))


async def _syncs(pool: AsyncConnectionPool, **filters: Any) -> list[dict[str, Any]]:
    return decode_page(await fetch(syncs_of(PERSON, limit=None, **filters), pool))


async def _status(pool: AsyncConnectionPool) -> list[dict[str, Any]]:
    return decode_page(await fetch(sync_status_of(PERSON, interval=INTERVAL), pool))


async def test_a_run_has_the_members_of_the_contract(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder(step=timedelta(minutes=1))
    account = StudentAccount(log).open()
    account.run((course("101"), [assignment("1")]), (course("102"), []))
    project_new(log.events)
    (run,) = await _syncs(pool)
    assert run == {
        "id": str(account.run_id),
        "connection_id": str(account.id),
        "trigger": "manual",
        "mode": "full",
        "status": "completed",
        "started_at": "2026-09-01T12:03:00Z",
        "finished_at": "2026-09-01T12:09:00Z",
        "courses": {"total": 2, "done": 2, "failed": 0},
        "changes": {"courses": 2, "assignments": 1, "grades": 3},
        "requests": {"total": 3, "not_modified": 1, "retried": 0},
        "error": None,
    }


async def test_the_status_follows_a_run_from_queued_to_idle(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder(step=timedelta(minutes=1))
    account = StudentAccount(log).open()
    project_new(log.events)
    assert await _status(pool) == [
        {
            "connection_id": str(account.id),
            "state": "idle",
            "sync": None,
            "next_sync_at": next_sync_time(account, STARTED_AT + timedelta(minutes=1)),
        }
    ]
    account.request("schedule")
    project_new(log.events)
    (status,) = await _status(pool)
    assert (status["state"], status["sync"]["status"]) == ("queued", "queued")
    assert status["sync"]["started_at"] is None
    assert await connections_with_active_sync(pool) == [account.id]
    account.start().fetch_course(course("101"), done=1)
    project_new(log.events)
    (status,) = await _status(pool)
    assert (status["state"], status["sync"]["courses"]["done"]) == ("running", 1)
    assert await _syncs(pool) == [status["sync"]]
    account.complete(failed=1)
    project_new(log.events)
    (status,) = await _status(pool)
    assert (status["state"], status["sync"]["status"]) == ("idle", "partial")
    assert status["next_sync_at"] == next_sync_time(account, STARTED_AT + timedelta(minutes=6))
    assert await connections_with_active_sync(pool) == []


async def test_failed_and_cancelled_runs_are_listed(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open()
    account.request().change_sync(lambda sync: sync.cancel())
    account.request().start()
    progress = Progress(total=2, done=0, failed=1)
    account.change_sync(
        lambda sync: sync.record_fetch_failure(
            account.attempt, "1", "canvas-forbidden", "No", progress
        )
    )
    account.change_sync(
        lambda sync: sync.fail(account.attempt, "canvas-timeout", "Too slow", REQUEST_COUNTS)
    )
    project_new(log.events)
    failed, cancelled = await _syncs(pool)
    assert failed["status"] == "failed"
    assert failed["error"] == {"code": "canvas-timeout", "detail": "Too slow"}
    assert failed["courses"] == {"total": 2, "done": 0, "failed": 1}
    assert cancelled["status"] == "cancelled"
    assert cancelled["finished_at"] == "2026-09-01T12:00:03.000009Z"
    assert await _syncs(pool, status="cancelled") == [cancelled]
    assert await _syncs(pool, connection_id=account.id) == [failed, cancelled]


async def test_a_requeued_run_keeps_its_id_and_start_time(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open().request().start().fetch_course(course("101"), done=1)
    project_new(log.events)
    (before,) = await _syncs(pool)
    account.change_sync(lambda sync: sync.requeue(account.attempt, "lost"))
    project_new(log.events)
    (status,) = await _status(pool)
    assert status["state"] == "queued"
    requeued = {"status": "queued", "courses": {"total": 0, "done": 0, "failed": 0}}
    assert status["sync"] == before | requeued
    assert await connections_with_active_sync(pool) == [account.id]
    account.start().complete()
    project_new(log.events)
    (after,) = await _syncs(pool)
    assert (after["status"], after["started_at"]) == ("completed", before["started_at"])


async def test_runs_are_paged_newest_first(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open()
    ids = []
    for _ in range(5):
        account.run()
        ids.append(str(account.run_id))
    project_new(log.events)
    runs = await fetch_all_pages(partial(syncs_of, PERSON), pool, 2)
    assert [run["id"] for run in runs] == ids[::-1]


async def test_a_run_requested_after_the_connection_closed_is_not_listed(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open().change_connection(lambda connection: connection.close())
    project_new(log.events)
    account.request()
    project_new(log.events)
    assert await _syncs(pool) == []
    assert await _status(pool) == []
    assert await connections_with_active_sync(pool) == []
