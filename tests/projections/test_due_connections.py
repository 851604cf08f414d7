"""Which connections are due, and when: read models and aggregates agree on it."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import orjson
import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg_pool import AsyncConnectionPool

from domain.aggregate import Aggregate
from domain.connection import Connection
from domain.next_sync import next_run_at
from domain.sync import Sync
from domain.sync_schedule import TRANSIENT_CODES, DueConnection, delay_index, next_due_at
from infrastructure.canvas.circuit_breakers import load_circuit_breakers
from infrastructure.event_store.rehydrate import rehydrate
from infrastructure.postgres import pools
from interfaces.queries.current_state import connection_document
from projections.connections.due_connections import due_at_hosts, due_connections
from projections.connections.query import connection_of, connections_of
from projections.support.json_documents import format_rfc3339
from projections.sync_log.query import sync_status_of
from tests.projections.conftest import ProjectNewEvents, project_events
from tests.projections.event_builders import (
    PERSON,
    REQUEST_COUNTS,
    STARTED_AT,
    EventLogBuilder,
    StudentAccount,
    person_erased,
)
from tests.projections.pages import decode_page, fetch

INTERVAL = timedelta(hours=2)
QUERY_OPTIONS: dict[str, Any] = {"interval": INTERVAL, "limit": 99}
MUCH_LATER = STARTED_AT + timedelta(days=30)

A = TypeVar("A", bound=Aggregate)
Step = Callable[[StudentAccount], object]


async def due_ids(now: datetime, pool: AsyncConnectionPool, **filters: Any) -> list[UUID]:
    found = await due_connections(now, interval=INTERVAL, limit=99, pool=pool, **filters)
    return [due.connection_id for due in found]


def open_accounts(log: EventLogBuilder, total: int) -> list[StudentAccount]:
    return [
        StudentAccount(log, url=f"https://canvas{number}.example").open() for number in range(total)
    ]


def due_time_of(account: StudentAccount, event_number: int, log: EventLogBuilder) -> datetime:
    """Return when an account is due that has been idle since the event with this number."""
    return next_due_at(STARTED_AT + event_number * log.step, delay_index(account.id, 0), INTERVAL)


async def test_a_connection_is_due_at_its_due_time_and_not_before(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open()
    project_new(log.events)
    at = due_time_of(account, 1, log)
    assert await due_ids(at - timedelta(microseconds=1), pool) == []
    assert await due_connections(at, interval=INTERVAL, limit=9, pool=pool) == [
        DueConnection(PERSON, account.id, account.url, at)
    ]


async def test_due_connections_are_paged_in_order_of_due_time(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    due = {
        account.id: due_time_of(account, number, log)
        for number, account in enumerate(open_accounts(log, 40), 1)
    }
    project_new(log.events)
    found: list[DueConnection] = []
    while page := await due_connections(
        MUCH_LATER, interval=INTERVAL, after=found[-1] if found else None, limit=7, pool=pool
    ):
        assert len(page) <= 7
        found += page
    assert [connection.connection_id for connection in found] == sorted(
        due, key=lambda id_: (due[id_], id_)
    )
    assert [connection.due_at for connection in found] == sorted(due.values())


async def test_due_connections_can_be_limited_to_hosts_or_exclude_them(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    first, second, third = open_accounts(log, 3)
    project_new(log.events)
    assert await due_ids(MUCH_LATER, pool, without=[first.url, second.url]) == [third.id]
    all_due = await due_connections(MUCH_LATER, **QUERY_OPTIONS, pool=pool)
    for origins in ([first.url, second.url], [third.url], []):
        expected = [due for due in all_due if due.origin in origins]
        assert await due_at_hosts(MUCH_LATER, origins, **QUERY_OPTIONS, pool=pool) == expected
        assert (
            await due_at_hosts(MUCH_LATER, origins, **QUERY_OPTIONS | {"limit": 1}, pool=pool)
            == expected[:1]
        )
    early = due_time_of(first, 1, log) - timedelta(microseconds=1)
    assert await due_at_hosts(early, [first.url], **QUERY_OPTIONS, pool=pool) == []


async def test_connections_whose_last_run_failed_can_be_left_out(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log, options = EventLogBuilder(), QUERY_OPTIONS | {"without_failures": True}
    idle, failed = open_accounts(log, 2)
    failed.request("schedule").start()
    failed.change_sync(lambda sync: sync.fail(failed.attempt, "canvas-timeout", "", REQUEST_COUNTS))
    project_new(log.events)
    found = await due_at_hosts(MUCH_LATER, [idle.url, failed.url], **options, pool=pool)
    assert [each.connection_id for each in found] == [idle.id]


async def test_a_connection_with_a_queued_run_is_not_due(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open().request("schedule")
    project_new(log.events)
    assert await due_ids(due_time_of(account, 1, log), pool) == []
    assert await due_ids(due_time_of(account, 2, log), pool) == [account.id]


async def test_closed_rejected_and_erased_connections_are_never_due(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    closed, rejected = open_accounts(log, 2)
    closed.change_connection(lambda connection: connection.close())
    rejected.change_connection(lambda connection: connection.reject_token("revoked"))
    other = uuid4()
    StudentAccount(log, person=other).open()
    log.record(other, person_erased(other))
    project_new(log.events)
    assert await due_ids(MUCH_LATER, pool) == []
    rejected.change_connection(lambda connection: connection.rotate_token("42", "ffffffff"))
    project_new(log.events)
    assert await due_ids(MUCH_LATER, pool) == [rejected.id]


async def test_next_sync_is_not_before_the_open_circuit_ends(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool, database_url: str
) -> None:
    log = EventLogBuilder()
    account, other = open_accounts(log, 2)
    project_new(log.events)
    until = due_time_of(account, 1, log) + timedelta(minutes=7)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            """
            INSERT INTO easeboard.canvas_hosts (
                origin, failures, openings, open_until, is_probed, failed_at
            )
            VALUES (%s, 5, 1, %s, false, clock_timestamp())
            """,
            [account.url, until],
        )
    expected = [format_rfc3339(until), format_rfc3339(due_time_of(other, 2, log))]
    listed = decode_page(await fetch(connections_of(PERSON, interval=INTERVAL, limit=None), pool))
    assert [document["next_sync_at"] for document in listed] == expected
    document = await fetch(connection_of(PERSON, account.id, interval=INTERVAL), pool)
    assert orjson.loads(document or b"{}")["next_sync_at"] == expected[0]
    statuses = decode_page(await fetch(sync_status_of(PERSON, interval=INTERVAL), pool))
    assert [status["next_sync_at"] for status in statuses] == expected
    breakers = await load_circuit_breakers(pool)
    connections = [_rehydrate(Connection, item.id, item) for item in (account, other)]
    documents = [
        connection_document(connection, Sync.new(connection.id), INTERVAL, breakers)
        for connection in connections
    ]
    assert [document["next_sync_at"] for document in documents] == expected


def _end_run_with(end: Callable[[StudentAccount], object]) -> Step:
    def step(account: StudentAccount) -> None:
        if not account.sync.active_run:
            account.request("schedule")
        if account.sync.attempt is None:
            account.start()
        end(account)

    return step


def _fail_run(code: str) -> Step:
    return _end_run_with(
        lambda account: account.change_sync(
            lambda sync: sync.fail(account.attempt, code, "", REQUEST_COUNTS)
        )
    )


def _request_run(account: StudentAccount) -> None:
    if not account.sync.active_run:
        account.request()


def _reject_token(account: StudentAccount) -> None:
    account.change_connection(lambda connection: connection.reject_token("revoked"))


def _rotate_token(account: StudentAccount) -> None:
    account.change_connection(
        lambda connection: connection.rotate_token("42", f"{len(account.log.events):08x}")
    )


steps = st.lists(
    st.one_of(
        st.sampled_from(sorted(TRANSIENT_CODES) * 2 + ["canvas-forbidden"]).map(_fail_run),
        st.sampled_from(
            [
                _end_run_with(lambda account: account.complete()),
                _end_run_with(lambda account: account.complete(failed=1)),
                _end_run_with(lambda account: account.change_sync(lambda sync: sync.cancel())),
                _end_run_with(
                    lambda account: account.change_sync(
                        lambda sync: sync.requeue(account.attempt, "lost")
                    )
                ),
                _request_run,
                _reject_token,
                _rotate_token,
            ]
        ),
    ),
    max_size=20,
)


def _rehydrate_account(account: StudentAccount) -> tuple[Connection, Sync]:
    """Rebuild connection and sync from their events, as the event store does."""
    return _rehydrate(Connection, account.id, account), _rehydrate(Sync, account.sync.id, account)


def _rehydrate(aggregate_class: type[A], stream: UUID, account: StudentAccount) -> A:
    for recorded in account.log.events:
        object.__setattr__(recorded.event, "timestamp", recorded.recorded_at)
    events = [recorded.event for recorded in account.log.events]
    in_stream = [event for event in events if event.originator_id == stream]
    return rehydrate(aggregate_class, stream, None, in_stream)


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=steps,
    minutes=st.sampled_from([1, 5, 7, 60, 120, 10_080]),
    step_length=st.timedeltas(timedelta(microseconds=1), timedelta(hours=3)),
    person=st.uuids(version=4),
)
def test_tables_and_aggregates_agree_on_the_due_time(
    database_url: str,
    steps: list[Step],
    minutes: int,
    step_length: timedelta,
    person: UUID,
) -> None:
    interval, log = timedelta(minutes=minutes), EventLogBuilder(step=step_length)
    account = StudentAccount(log, person=person).open()
    for step in steps:
        step(account)
    project_events(database_url, log.events)
    connection, sync = _rehydrate_account(account)
    expected = next_run_at(connection, sync, interval)
    asyncio.run(_assert_all_agree(database_url, account, interval, expected))


async def _assert_all_agree(
    database_url: str, account: StudentAccount, interval: timedelta, expected: datetime | None
) -> None:
    expected_text = None if expected is None else format_rfc3339(expected)
    async with pools.open_read_pool(database_url, size=1) as pool:
        document = await fetch(connection_of(account.person, account.id, interval=interval), pool)
        page = await fetch(sync_status_of(account.person, interval=interval), pool)
        assert orjson.loads(document or b"{}")["next_sync_at"] == expected_text
        assert [status["next_sync_at"] for status in decode_page(page)] == [expected_text]
        now = expected or MUCH_LATER
        options: dict[str, Any] = {"interval": interval, "limit": 999, "pool": pool}
        before = await due_connections(now - timedelta(microseconds=1), **options)
        assert account.id not in {due.connection_id for due in before}
        found = {due.connection_id: due.due_at for due in await due_connections(now, **options)}
        assert found.get(account.id) == expected
