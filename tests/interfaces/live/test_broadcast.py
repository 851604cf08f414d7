import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from domain.recorded_event import Recorded
from infrastructure.event_store.errors import DatabaseBusy
from infrastructure.postgres import execute
from infrastructure.subscriptions import poller
from infrastructure.subscriptions.person_filter import PeoplesLog
from interfaces.live import broadcast, subscriber_queue
from tests.dev_tokens import ADA, BOB
from tests.interfaces.live.broadcast_fixture import Air, on_air


@pytest.fixture
async def air(database_url: str) -> AsyncIterator[Air]:
    async with on_air(database_url) as air:
        yield air


async def test_each_step_of_a_run_is_told_once_and_in_order(air: Air) -> None:
    run = air.run_of(ADA)
    async with air.hearing(ADA, 0) as ear:
        run.request()
        assert await ear.status() == ("queued", 0, 0)
        run.start()
        run.see(1)
        run.see(2)
        run.complete()
        assert [await ear.status() for _ in range(4)] == [
            ("running", 0, 0),
            ("running", 1, 2),
            ("running", 2, 4),
            ("completed", 2, 4),
        ]
        assert ear.positions == sorted(set(ear.positions))


async def test_a_run_joined_in_the_middle_is_told_with_all_that_went_before(air: Air) -> None:
    run = air.run_of(ADA)
    run.request()
    run.start()
    run.see(1)
    async with air.hearing(ADA, air.head) as ear:
        run.see(2)
        assert await ear.status() == ("running", 2, 4)


async def test_a_run_given_up_and_taken_over_is_told(air: Air) -> None:
    run = air.run_of(ADA)
    run.request()
    run.start()
    run.see(1)
    async with air.hearing(ADA, air.head) as ear:
        run.requeue()
        run.start()
        run.see(2)
        assert [await ear.status() for _ in range(3)] == [
            ("queued", 0, 2),
            ("running", 0, 2),
            ("running", 1, 4),
        ]


async def test_a_run_that_reads_everything_after_all_is_told(air: Air) -> None:
    run = air.run_of(ADA)
    run.request("incremental")
    run.start()
    async with air.hearing(ADA, air.head) as ear:
        run.widen()
        assert (await ear.hear())["sync"]["mode"] == "full"


async def test_only_the_newest_run_counts(air: Air) -> None:
    run = air.run_of(ADA)
    run.request()
    run.start()
    run.see(1)
    run.complete()
    run.request()
    run.start()
    async with air.hearing(ADA, air.head) as ear:
        run.see(2)
        assert await ear.status() == ("running", 1, 2)


async def test_grades_are_told_after_the_first_run(air: Air) -> None:
    run = air.run_of(ADA)
    run.request()
    run.start()
    run.see(1)
    run.complete()
    run.request()
    run.start()
    async with air.hearing(ADA, air.head) as ear:
        run.see(1, score=3.0)
        assert (await ear.hear())["type"] == "sync"
        told = await ear.hear()
    assert told["type"] == "grade"
    assert told["change"]["subject"] == "assignment"
    assert told["change"]["previous"]["score"] == 9.5
    assert told["change"]["current"]["score"] == 3.0
    assert told["change"]["sync_id"] == str(run.attempt.sync_id)


async def test_newcomers_hear_what_they_missed_and_others_do_not_hear_it_again(air: Air) -> None:
    run = air.run_of(ADA)
    async with air.hearing(ADA, 0) as first:
        run.request()
        run.start()
        assert [(await first.status())[0] for _ in range(2)] == ["queued", "running"]
        async with air.hearing(ADA, first.positions[0]) as second:
            assert (await second.status())[0] == "running"
            run.see(1)
            assert await second.status() == await first.status() == ("running", 1, 2)
    assert second.positions == first.positions[1:]


async def test_a_newcomer_hears_nothing_from_before_what_a_replay_covers(
    air: Air, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast, "REPLAYED", 1)
    run = air.run_of(ADA)
    run.request()
    run.start()
    async with air.hearing(ADA, 0) as ear:
        assert await ear.status() == ("running", 0, 0)


async def test_whoever_left_and_came_back_hears_a_run_as_it_stands(air: Air) -> None:
    run = air.run_of(ADA)
    run.request()
    run.start()
    async with air.hearing(BOB, air.head):
        async with air.hearing(ADA, air.head) as ear:
            run.see(1)
            assert await ear.status() == ("running", 1, 2)
        run.see(2)
        async with air.hearing(ADA, air.head) as ear:
            run.see(3)
            assert await ear.status() == ("running", 3, 6)


async def test_nobody_is_told_of_others(air: Air) -> None:
    async with air.hearing(BOB, 0) as ear:
        air.run_of(ADA).request()
        theirs = air.run_of(BOB)
        theirs.request()
        told = await ear.hear()
    assert told["sync"]["connection_id"] == str(theirs.connection_id)


async def test_whoever_lets_too_much_come_together_is_let_go_and_the_rest_go_on(
    air: Air, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber_queue, "CAPACITY", 2)
    run = air.run_of(ADA)
    async with air.hearing(ADA, 0) as idle, air.hearing(ADA, 0) as keen:
        run.request()
        run.start()
        told = [await keen.status() for _ in range(2)]
        run.see(1)
        told.append(await keen.status())
        assert [await idle.status() for _ in range(2)] == told[:2]
        with pytest.raises(StopAsyncIteration):
            await idle.hear()


async def test_many_at_once_all_hear(air: Air) -> None:
    people = [UUID(int=nth) for nth in range(1, 101)]
    runs = [air.run_of(person) for person in people]
    async with AsyncExitStack() as stack:
        ears = [await stack.enter_async_context(air.hearing(person, 0)) for person in people]
        for run in runs:
            run.request()
        told = [await ear.hear() for ear in ears]
    expected = [str(run.connection_id) for run in runs]
    assert [message["sync"]["connection_id"] for message in told] == expected


async def test_an_unreadable_event_is_left_out(air: Air) -> None:
    run = air.run_of(ADA)
    async with air.hearing(ADA, 0) as ear:
        run.request()
        await ear.hear()
        with psycopg.connect(air.url) as connection:
            connection.execute(
                """
                INSERT INTO easeboard.events (
                    stream, version, topic, actor, command_id, person_id, state
                )
                VALUES (%s, 99, 'SyncStarted', 'x', gen_random_uuid(), %s, 'x')
                """,
                [run.sync.id, ADA],
            )
        run.start()
        assert await ear.status() == ("running", 0, 0)


async def test_a_failure_halfway_through_counts_nothing_twice(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    since, safe, gate = PeoplesLog.since, PeoplesLog.safe, threading.Event()
    failures: list[Exception] = []

    def failing(log: PeoplesLog, *asked: Any) -> list[Recorded]:
        if failures:
            raise failures.pop()
        return since(log, *asked)

    monkeypatch.setattr(PeoplesLog, "since", failing)
    async with on_air(database_url) as air:
        known, new = air.run_of(ADA), air.run_of(BOB)
        new.request()
        async with air.hearing(ADA, air.head) as ear, air.hearing(BOB, air.head) as other:
            known.request()
            assert (await ear.status())[0] == "queued"
            failures.append(DatabaseBusy("just now"))
            monkeypatch.setattr(PeoplesLog, "safe", lambda log: gate.wait(10) and safe(log))
            known.start()
            known.see(1)
            new.start()
            gate.set()
            assert [await ear.status() for _ in range(2)] == [("running", 0, 0), ("running", 1, 2)]
            assert await other.status() == ("running", 0, 0)
    assert not failures


@contextmanager
def away(url: str, postgres_url: str) -> Iterator[None]:
    """Nobody gets at the database."""
    name = str(conninfo_to_dict(url)["dbname"])
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        try:
            yield
        finally:
            admin.execute(allow.format(sql.Identifier(name), sql.SQL("true")))


async def test_nothing_is_missed_while_the_database_is_away(
    air: Air, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = asyncio.Event()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(
        poller, "described", lambda error: str(loop.call_soon_threadsafe(failed.set) and error)
    )
    monkeypatch.setattr(execute, "PATIENCE", 0.2)
    monkeypatch.setattr(execute, "CONNECTION_WAIT", 0.2)
    run = air.run_of(ADA)
    async with air.hearing(ADA, 0) as ear:
        run.request()
        await ear.hear()
        run.start()
        with away(air.url, postgres_url):
            await asyncio.wait_for(failed.wait(), 10)
        monkeypatch.undo()
        run.see(1)
        told = [await ear.status() for _ in range(2)]
    assert told == [("running", 0, 0), ("running", 1, 2)]
