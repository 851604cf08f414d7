"""Queries of `connections`: the open connections of a person."""

from datetime import datetime, timedelta
from functools import partial
from uuid import uuid4

import orjson
from psycopg_pool import AsyncConnectionPool

from domain.sync_schedule import delay_index, next_due_at
from projections.connections.query import connection_of, connections_of
from projections.support.json_documents import format_rfc3339
from tests.projections.conftest import ProjectNewEvents
from tests.projections.event_builders import (
    PERSON,
    STARTED_AT,
    EventLogBuilder,
    StudentAccount,
    person_erased,
)
from tests.projections.pages import decode_page, fetch, fetch_all_pages

INTERVAL = timedelta(hours=2)


def next_sync_time(account: StudentAccount, idle_since: datetime) -> str:
    return format_rfc3339(next_due_at(idle_since, delay_index(account.id, 0), INTERVAL))


async def test_a_connection_has_the_members_of_the_contract(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder(step=timedelta(minutes=1))
    account = StudentAccount(log).open().run()
    account.change_connection(lambda connection: connection.record_validation("Ada L."))
    project_new(log.events)
    document = await fetch(connection_of(PERSON, account.id, interval=INTERVAL), pool)
    assert document
    assert orjson.loads(document) == {
        "id": str(account.id),
        "canvas_url": "https://canvas.example",
        "canvas_name": "Example U",
        "canvas_user": {"id": "42", "name": "Ada L."},
        "status": "active",
        "token_fingerprint": "0a1b2c3d",
        "token_rotated_at": "2026-09-01T12:01:00Z",
        "last_validated_at": "2026-09-01T12:05:00Z",
        "last_synced_at": "2026-09-01T12:04:00Z",
        "next_sync_at": next_sync_time(account, STARTED_AT + timedelta(minutes=4)),
        "created_at": "2026-09-01T12:01:00Z",
        "version": 2,
    }
    assert await fetch(connection_of(uuid4(), account.id, interval=INTERVAL), pool) is None


async def test_a_rejected_token_stops_scheduling_until_it_is_replaced(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = (
        StudentAccount(log)
        .open()
        .change_connection(lambda connection: connection.reject_token("revoked"))
    )
    project_new(log.events)
    (stopped,) = decode_page(
        await fetch(connections_of(PERSON, interval=INTERVAL, limit=None), pool)
    )
    assert (stopped["status"], stopped["next_sync_at"]) == ("token_rejected", None)
    account.change_connection(lambda connection: connection.rotate_token("42", "ffffffff"))
    project_new(log.events)
    (resumed,) = decode_page(
        await fetch(connections_of(PERSON, interval=INTERVAL, limit=None), pool)
    )
    assert (resumed["status"], resumed["token_fingerprint"]) == ("active", "ffffffff")
    assert resumed["next_sync_at"] == next_sync_time(account, STARTED_AT + log.step)


async def test_connections_are_paged_oldest_first(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    ids = [str(StudentAccount(log, url=f"https://canvas{n}.example").open().id) for n in range(5)]
    project_new(log.events)

    query = partial(connections_of, PERSON, interval=INTERVAL)
    assert [document["id"] for document in await fetch_all_pages(query, pool, 2)] == ids


async def test_closed_connections_and_erased_people_have_no_rows(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    StudentAccount(log).open().change_connection(lambda connection: connection.close())
    StudentAccount(log, url="https://other.example").open()
    log.record(PERSON, person_erased(PERSON))
    project_new(log.events[:2])
    assert (await fetch(connections_of(PERSON, interval=INTERVAL, limit=None), pool)).items == []
    project_new(log.events)
    assert (await fetch(connections_of(PERSON, interval=INTERVAL, limit=None), pool)).items == []
