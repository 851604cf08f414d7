"""Which connections are due, and when: the tables and the aggregates always agree."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import orjson
import psycopg
from hypothesis import HealthCheck, settings
from hypothesis import given as for_any
from hypothesis import strategies as st
from psycopg_pool import AsyncConnectionPool

from domain.aggregate import Aggregate
from domain.connection import Connection
from domain.next_sync import next_run_at
from domain.sync import Sync
from domain.sync_schedule import PASSING, Due, due_at, wait_of
from infrastructure.canvas.circuit_breakers import circuits
from infrastructure.event_store.rehydrate import fold
from infrastructure.postgres import pools
from interfaces.queries.current_state import connection_document
from projections.connections.due_connections import due_at_hosts, due_connections
from projections.connections.query import connection_of, connections_of
from projections.support.json_documents import rfc3339
from projections.sync_log.query import sync_status_of
from tests.projections.conftest import Told, take_in
from tests.projections.event_builders import BEGAN, PERSON, REQUESTS, Account, Past, erased
from tests.projections.pages import loaded

INTERVAL = timedelta(hours=2)
ASKED: dict[str, Any] = {"interval": INTERVAL, "limit": 99}
LATE = BEGAN + timedelta(days=30)

A = TypeVar("A", bound=Aggregate)
Step = Callable[[Account], object]


async def ids_due(now: datetime, pool: AsyncConnectionPool, **where: Any) -> list[UUID]:
    found = await due_connections(now, interval=INTERVAL, limit=99, pool=pool, **where)
    return [due.connection_id for due in found]


def accounts(past: Past, total: int) -> list[Account]:
    return [Account(past, url=f"https://canvas{nth}.example").open() for nth in range(total)]


def due_of(account: Account, nth: int, past: Past) -> datetime:
    """When an account is due that has rested since the nth event."""
    return due_at(BEGAN + nth * past.step, wait_of(account.id, 0), INTERVAL)


async def test_a_connection_is_due_from_that_moment_on(
    tell: Told, pool: AsyncConnectionPool
) -> None:
    past = Past()
    account = Account(past).open()
    tell(past.events)
    at = due_of(account, 1, past)
    assert await ids_due(at - timedelta(microseconds=1), pool) == []
    assert await due_connections(at, interval=INTERVAL, limit=9, pool=pool) == [
        Due(PERSON, account.id, account.url, at)
    ]


async def test_what_is_due_longest_comes_first_and_page_by_page(
    tell: Told, pool: AsyncConnectionPool
) -> None:
    past = Past()
    due = {
        account.id: due_of(account, nth, past) for nth, account in enumerate(accounts(past, 40), 1)
    }
    tell(past.events)
    found: list[Due] = []
    while page := await due_connections(
        LATE, interval=INTERVAL, after=found[-1] if found else None, limit=7, pool=pool
    ):
        assert len(page) <= 7
        found += page
    assert [each.connection_id for each in found] == sorted(due, key=lambda id_: (due[id_], id_))
    assert [each.due_at for each in found] == sorted(due.values())


async def test_some_hosts_only_and_not_at_some(tell: Told, pool: AsyncConnectionPool) -> None:
    past = Past()
    first, second, third = accounts(past, 3)
    tell(past.events)
    assert await ids_due(LATE, pool, without=[first.url, second.url]) == [third.id]
    all_due = await due_connections(LATE, **ASKED, pool=pool)
    for origins in ([first.url, second.url], [third.url], []):
        there = [due for due in all_due if due.origin in origins]
        assert await due_at_hosts(LATE, origins, **ASKED, pool=pool) == there
        assert await due_at_hosts(LATE, origins, **ASKED | {"limit": 1}, pool=pool) == there[:1]
    early = due_of(first, 1, past) - timedelta(microseconds=1)
    assert await due_at_hosts(early, [first.url], **ASKED, pool=pool) == []


async def test_a_run_just_asked_for_is_not_due_while_it_waits(
    tell: Told, pool: AsyncConnectionPool
) -> None:
    past = Past()
    account = Account(past).open().request("schedule")
    tell(past.events)
    assert await ids_due(due_of(account, 1, past), pool) == []
    assert await ids_due(due_of(account, 2, past), pool) == [account.id]


async def test_closed_rejected_and_erased_ones_are_never_due(
    tell: Told, pool: AsyncConnectionPool
) -> None:
    past = Past()
    closed, rejected = accounts(past, 2)
    closed.decide(lambda connection: connection.close())
    rejected.decide(lambda connection: connection.reject_token("revoked"))
    other = uuid4()
    Account(past, person=other).open()
    past.record(other, erased(other))
    tell(past.events)
    assert await ids_due(LATE, pool) == []
    rejected.decide(lambda connection: connection.rotate_token("42", "ffffffff"))
    tell(past.events)
    assert await ids_due(LATE, pool) == [rejected.id]


async def test_one_at_a_silent_host_is_not_shown_due_before_its_circuit_allows(
    tell: Told, pool: AsyncConnectionPool, database_url: str
) -> None:
    past = Past()
    account, other = accounts(past, 2)
    tell(past.events)
    until = due_of(account, 1, past) + timedelta(minutes=7)
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
    shown = [rfc3339(until), rfc3339(due_of(other, 2, past))]
    open_ones = loaded(await connections_of(PERSON, interval=INTERVAL, limit=None, pool=pool))
    assert [each["next_sync_at"] for each in open_ones] == shown
    one = await connection_of(PERSON, account.id, interval=INTERVAL, pool=pool)
    assert orjson.loads(one or b"{}")["next_sync_at"] == shown[0]
    standings = await sync_status_of(PERSON, interval=INTERVAL, pool=pool)
    assert [orjson.loads(each)["next_sync_at"] for each in standings] == shown
    there = await circuits(pool)
    told = [_told(Connection, each.id, each) for each in (account, other)]
    documents = [connection_document(each, Sync.unborn(each.id), INTERVAL, there) for each in told]
    assert [each["next_sync_at"] for each in documents] == shown


def _ended(end: Callable[[Account], object]) -> Step:
    def step(account: Account) -> None:
        if not account.sync.live:
            account.request("schedule")
        if account.sync.attempt is None:
            account.start()
        end(account)

    return step


def _failed(code: str) -> Step:
    return _ended(
        lambda account: account.synchronise(
            lambda sync: sync.fail(account.attempt, code, "", REQUESTS)
        )
    )


def _requested(account: Account) -> None:
    if not account.sync.live:
        account.request()


def _rejected(account: Account) -> None:
    account.decide(lambda connection: connection.reject_token("revoked"))


def _replaced(account: Account) -> None:
    account.decide(
        lambda connection: connection.rotate_token("42", f"{len(account.past.events):08x}")
    )


steps = st.lists(
    st.one_of(
        st.sampled_from(sorted(PASSING) * 2 + ["canvas-forbidden"]).map(_failed),
        st.sampled_from(
            [
                _ended(lambda account: account.complete()),
                _ended(lambda account: account.complete(failed=1)),
                _ended(lambda account: account.synchronise(lambda sync: sync.cancel())),
                _ended(
                    lambda account: account.synchronise(
                        lambda sync: sync.requeue(account.attempt, "lost")
                    )
                ),
                _requested,
                _rejected,
                _replaced,
            ]
        ),
    ),
    max_size=20,
)


def _folded(account: Account) -> tuple[Connection, Sync]:
    """The aggregates as the log would tell them."""
    return _told(Connection, account.id, account), _told(Sync, account.sync.id, account)


def _told(kind: type[A], stream: UUID, account: Account) -> A:
    for recorded in account.past.events:
        object.__setattr__(recorded.event, "timestamp", recorded.recorded_at)
    events = [recorded.event for recorded in account.past.events]
    return fold(kind, stream, None, [each for each in events if each.originator_id == stream])


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@for_any(
    steps=steps,
    minutes=st.sampled_from([1, 5, 7, 60, 120, 10_080]),
    pace=st.timedeltas(timedelta(microseconds=1), timedelta(hours=3)),
    person=st.uuids(version=4),
)
def test_tables_and_aggregates_say_the_same(
    database_url: str,
    steps: list[Step],
    minutes: int,
    pace: timedelta,
    person: UUID,
) -> None:
    interval, past = timedelta(minutes=minutes), Past(step=pace)
    account = Account(past, person=person).open()
    for step in steps:
        step(account)
    take_in(database_url, past.events)
    connection, sync = _folded(account)
    expected = next_run_at(connection, sync, interval)
    asyncio.run(_agree(database_url, account, interval, expected))


async def _agree(
    database_url: str, account: Account, interval: timedelta, expected: datetime | None
) -> None:
    told = None if expected is None else rfc3339(expected)
    async with pools.reads(database_url, size=1) as pool:
        shown = await connection_of(account.person, account.id, interval=interval, pool=pool)
        (status,) = await sync_status_of(account.person, interval=interval, pool=pool)
        assert orjson.loads(shown or b"{}")["next_sync_at"] == told
        assert orjson.loads(status)["next_sync_at"] == told
        now = expected or LATE
        asked: dict[str, Any] = {"interval": interval, "limit": 999, "pool": pool}
        before = await due_connections(now - timedelta(microseconds=1), **asked)
        assert account.id not in {due.connection_id for due in before}
        found = {due.connection_id: due.due_at for due in await due_connections(now, **asked)}
        assert found.get(account.id) == expected
