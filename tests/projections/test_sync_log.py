"""Which runs there were, and what each connection is doing."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson
from psycopg_pool import AsyncConnectionPool

from domain.events.sync import Progress
from domain.sync_schedule import due_at, wait_of
from projections.support.json_documents import rfc3339
from projections.sync_log.query import sync_status_of, syncs_of, unfinished
from tests.canvas_builders import assignment, course
from tests.projections.conftest import Told
from tests.projections.event_builders import BEGAN, PERSON, REQUESTS, Account, Past
from tests.projections.pages import leafed, loaded

INTERVAL = timedelta(hours=2)


def due(account: Account, rested_at: datetime) -> str:
    return rfc3339(due_at(rested_at, wait_of(account.id, 0), INTERVAL))


async def _syncs(pool: AsyncConnectionPool, **where: Any) -> list[dict[str, Any]]:
    return loaded(await syncs_of(PERSON, limit=None, pool=pool, **where))


async def _status(pool: AsyncConnectionPool) -> list[dict[str, Any]]:
    return [
        orjson.loads(item) for item in await sync_status_of(PERSON, interval=INTERVAL, pool=pool)
    ]


async def test_a_run_as_the_contract_has_it(tell: Told, pool: AsyncConnectionPool) -> None:
    past = Past(step=timedelta(minutes=1))
    account = Account(past).open()
    account.run((course("101"), [assignment("1")]), (course("102"), []))
    tell(past.events)
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


async def test_a_run_on_its_way(tell: Told, pool: AsyncConnectionPool) -> None:
    past = Past(step=timedelta(minutes=1))
    account = Account(past).open()
    tell(past.events)
    assert await _status(pool) == [
        {
            "connection_id": str(account.id),
            "state": "idle",
            "sync": None,
            "next_sync_at": due(account, BEGAN + timedelta(minutes=1)),
        }
    ]
    account.request("schedule")
    tell(past.events)
    (status,) = await _status(pool)
    assert (status["state"], status["sync"]["status"]) == ("queued", "queued")
    assert status["sync"]["started_at"] is None
    assert await unfinished(pool) == [account.id]
    account.start().see(course("101"), done=1)
    tell(past.events)
    (status,) = await _status(pool)
    assert (status["state"], status["sync"]["courses"]["done"]) == ("running", 1)
    assert await _syncs(pool) == [status["sync"]]
    account.complete(failed=1)
    tell(past.events)
    (status,) = await _status(pool)
    assert (status["state"], status["sync"]["status"]) == ("idle", "partial")
    assert status["next_sync_at"] == due(account, BEGAN + timedelta(minutes=6))
    assert await unfinished(pool) == []


async def test_how_runs_end_early(tell: Told, pool: AsyncConnectionPool) -> None:
    past = Past()
    account = Account(past).open()
    account.request().synchronise(lambda sync: sync.cancel())
    account.request().start()
    missed = Progress(total=2, done=0, failed=1)
    account.synchronise(
        lambda sync: sync.miss_course(account.attempt, "1", "canvas-forbidden", "No", missed)
    )
    account.synchronise(
        lambda sync: sync.fail(account.attempt, "canvas-timeout", "Too slow", REQUESTS)
    )
    tell(past.events)
    failed, cancelled = await _syncs(pool)
    assert failed["status"] == "failed"
    assert failed["error"] == {"code": "canvas-timeout", "detail": "Too slow"}
    assert failed["courses"] == {"total": 2, "done": 0, "failed": 1}
    assert cancelled["status"] == "cancelled"
    assert cancelled["finished_at"] == "2026-09-01T12:00:03.000009Z"
    assert await _syncs(pool, status="cancelled") == [cancelled]
    assert await _syncs(pool, connection_id=account.id) == [failed, cancelled]


async def test_a_run_given_up_waits_again_as_the_same_run(
    tell: Told, pool: AsyncConnectionPool
) -> None:
    past = Past()
    account = Account(past).open().request().start().see(course("101"), done=1)
    tell(past.events)
    (before,) = await _syncs(pool)
    account.synchronise(lambda sync: sync.requeue(account.attempt, "lost"))
    tell(past.events)
    (status,) = await _status(pool)
    assert status["state"] == "queued"
    waiting = {"status": "queued", "courses": {"total": 0, "done": 0, "failed": 0}}
    assert status["sync"] == before | waiting
    assert await unfinished(pool) == [account.id]
    account.start().complete()
    tell(past.events)
    (after,) = await _syncs(pool)
    assert (after["status"], after["started_at"]) == ("completed", before["started_at"])


async def test_pages_newest_first(tell: Told, pool: AsyncConnectionPool) -> None:
    past = Past()
    account = Account(past).open()
    ids = []
    for _ in range(5):
        account.run()
        ids.append(str(account.run_id))
    tell(past.events)
    found = await leafed(partial(syncs_of, PERSON, pool=pool), 2)
    assert [run["id"] for run in found] == ids[::-1]


async def test_a_run_asked_for_while_the_connection_closed_is_not_shown(
    tell: Told, pool: AsyncConnectionPool
) -> None:
    past = Past()
    account = Account(past).open().decide(lambda connection: connection.close())
    tell(past.events)
    account.request()
    tell(past.events)
    assert await _syncs(pool) == []
    assert await _status(pool) == []
    assert await unfinished(pool) == []
