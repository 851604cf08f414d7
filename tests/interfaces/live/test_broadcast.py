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

from domain.recorded_event import RecordedEvent
from infrastructure.postgres import retry
from infrastructure.postgres.errors import DatabaseBusy
from infrastructure.subscriptions import poller
from infrastructure.subscriptions.person_log import PersonLog
from tests.deadlines import scaled
from tests.dev_tokens import ADA, BOB
from tests.interfaces.live.broadcast_fixture import BroadcastFixture, open_broadcast


@pytest.fixture
async def live(database_url: str) -> AsyncIterator[BroadcastFixture]:
    async with open_broadcast(database_url) as live:
        yield live


async def test_each_step_of_a_run_is_published_once_and_in_order(live: BroadcastFixture) -> None:
    driver = live.sync_driver(ADA)
    async with live.subscribe(ADA) as subscriber:
        driver.request()
        assert await subscriber.receive_status() == ("queued", 0, 0)
        driver.start()
        driver.record_course(1)
        driver.record_course(2)
        driver.complete()
        assert [await subscriber.receive_status() for _ in range(4)] == [
            ("running", 0, 0),
            ("running", 1, 2),
            ("running", 2, 4),
            ("completed", 2, 4),
        ]
        assert subscriber.positions == sorted(set(subscriber.positions))


async def test_a_message_in_the_middle_of_a_run_includes_all_earlier_steps(
    live: BroadcastFixture,
) -> None:
    driver = live.sync_driver(ADA)
    driver.request()
    driver.start()
    driver.record_course(1)
    async with live.subscribe(ADA, live.head) as subscriber:
        driver.record_course(2)
        assert await subscriber.receive_status() == ("running", 2, 4)


async def test_a_requeued_run_is_published(live: BroadcastFixture) -> None:
    driver = live.sync_driver(ADA)
    driver.request()
    driver.start()
    driver.record_course(1)
    async with live.subscribe(ADA, live.head) as subscriber:
        driver.requeue()
        driver.start()
        driver.record_course(2)
        assert [await subscriber.receive_status() for _ in range(3)] == [
            ("queued", 0, 2),
            ("running", 0, 2),
            ("running", 1, 4),
        ]


async def test_a_run_that_falls_back_to_full_is_published(live: BroadcastFixture) -> None:
    driver = live.sync_driver(ADA)
    driver.request("incremental")
    driver.start()
    async with live.subscribe(ADA, live.head) as subscriber:
        driver.fall_back_to_full()
        assert (await subscriber.receive())["sync"]["mode"] == "full"


async def test_only_the_newest_run_is_counted(live: BroadcastFixture) -> None:
    driver = live.sync_driver(ADA)
    driver.request()
    driver.start()
    driver.record_course(1)
    driver.complete()
    driver.request()
    driver.start()
    async with live.subscribe(ADA, live.head) as subscriber:
        driver.record_course(2)
        assert await subscriber.receive_status() == ("running", 1, 2)


async def test_grade_changes_are_published_after_the_first_run(live: BroadcastFixture) -> None:
    driver = live.sync_driver(ADA)
    driver.request()
    driver.start()
    driver.record_course(1)
    driver.complete()
    driver.request()
    driver.start()
    async with live.subscribe(ADA, live.head) as subscriber:
        driver.record_course(1, score=3.0)
        assert (await subscriber.receive())["type"] == "sync"
        message = await subscriber.receive()
    assert message["type"] == "grade"
    assert message["change"]["subject"] == "assignment"
    assert message["change"]["previous"]["score"] == 9.5
    assert message["change"]["current"]["score"] == 3.0
    assert message["change"]["sync_id"] == str(driver.attempt.sync_id)
    assert message["change"]["course_name"] == "Linear Algebra"
    assert message["change"]["assignment_name"] == "Problem set 1"
    assert message["change"]["baseline"] is False


async def test_missed_messages_are_replayed_to_new_subscribers_only(live: BroadcastFixture) -> None:
    driver = live.sync_driver(ADA)
    async with live.subscribe(ADA) as first:
        driver.request()
        driver.start()
        assert [(await first.receive_status())[0] for _ in range(2)] == ["queued", "running"]
        async with live.subscribe(ADA, first.places[0]) as second:
            assert (await second.receive_status())[0] == "running"
            driver.record_course(1)
            assert (
                await second.receive_status() == await first.receive_status() == ("running", 1, 2)
            )
    assert second.positions == first.positions[1:]


async def test_a_returning_subscriber_receives_the_current_state_of_a_run(
    live: BroadcastFixture,
) -> None:
    driver = live.sync_driver(ADA)
    driver.request()
    driver.start()
    async with live.subscribe(BOB, live.head):
        async with live.subscribe(ADA, live.head) as subscriber:
            driver.record_course(1)
            assert await subscriber.receive_status() == ("running", 1, 2)
        driver.record_course(2)
        async with live.subscribe(ADA, live.head) as subscriber:
            driver.record_course(3)
            assert await subscriber.receive_status() == ("running", 3, 6)


async def test_a_subscriber_receives_only_its_own_events(live: BroadcastFixture) -> None:
    async with live.subscribe(BOB) as subscriber:
        live.sync_driver(ADA).request()
        own = live.sync_driver(BOB)
        own.request()
        message = await subscriber.receive()
    assert message["sync"]["connection_id"] == str(own.connection_id)


async def test_many_subscribers_receive_their_messages_at_once(live: BroadcastFixture) -> None:
    person_ids = [UUID(int=number) for number in range(1, 101)]
    drivers = [live.sync_driver(person_id) for person_id in person_ids]
    async with AsyncExitStack() as stack:
        subscribers = [
            await stack.enter_async_context(live.subscribe(person_id)) for person_id in person_ids
        ]
        for driver in drivers:
            driver.request()
        messages = [await subscriber.receive() for subscriber in subscribers]
    expected = [str(driver.connection_id) for driver in drivers]
    assert [message["sync"]["connection_id"] for message in messages] == expected


async def test_an_unreadable_event_is_skipped(live: BroadcastFixture) -> None:
    driver = live.sync_driver(ADA)
    async with live.subscribe(ADA) as subscriber:
        driver.request()
        await subscriber.receive()
        with psycopg.connect(live.url) as connection:
            connection.execute(
                """
                INSERT INTO easeboard.events (
                    stream, version, topic, actor, command_id, person_id, state
                )
                VALUES (%s, 99, 'SyncStarted', 'x', gen_random_uuid(), %s, 'x')
                """,
                [driver.sync.id, ADA],
            )
        driver.start()
        assert await subscriber.receive_status() == ("running", 0, 0)


async def test_an_event_of_which_no_message_can_be_built_stops_no_other(
    live: BroadcastFixture,
) -> None:
    broken, other = live.sync_driver(ADA), live.sync_driver(BOB)
    broken.request()
    async with live.subscribe(ADA, live.head) as subscriber, live.subscribe(BOB) as other_one:
        broken.record_grade_of_another_form()
        broken.start()
        other.request()
        assert await subscriber.receive_status() == ("running", 0, 0)
        assert await other_one.receive_status() == ("queued", 0, 0)


async def test_a_failure_in_the_middle_of_a_batch_counts_nothing_twice(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_since, safe_place, gate = PersonLog.read_since, PersonLog.safe_place, threading.Event()
    failures: list[Exception] = []

    def fail_once(log: PersonLog, *arguments: Any) -> list[RecordedEvent]:
        if failures:
            raise failures.pop()
        return read_since(log, *arguments)

    monkeypatch.setattr(PersonLog, "read_since", fail_once)
    async with open_broadcast(database_url) as live:
        first, second = live.sync_driver(ADA), live.sync_driver(BOB)
        second.request()
        async with (
            live.subscribe(ADA, live.head) as subscriber,
            live.subscribe(BOB, live.head) as other,
        ):
            first.request()
            assert (await subscriber.receive_status())[0] == "queued"
            failures.append(DatabaseBusy("no connection became free"))
            monkeypatch.setattr(
                PersonLog, "safe_place", lambda log: gate.wait(10) and safe_place(log)
            )
            first.start()
            first.record_course(1)
            second.start()
            gate.set()
            assert [await subscriber.receive_status() for _ in range(2)] == [
                ("running", 0, 0),
                ("running", 1, 2),
            ]
            assert await other.receive_status() == ("running", 0, 0)
    assert not failures


@contextmanager
def database_unavailable(database_url: str, postgres_url: str) -> Iterator[None]:
    """End every session of the database and refuse new ones."""
    name = str(conninfo_to_dict(database_url)["dbname"])
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


async def test_no_event_is_missed_while_the_database_is_unavailable(
    live: BroadcastFixture, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = asyncio.Event()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(
        poller, "describe_error", lambda error: str(loop.call_soon_threadsafe(failed.set) and error)
    )
    monkeypatch.setattr(retry, "STATEMENT_RETRY_SECONDS", 0.2)
    monkeypatch.setattr(retry, "CONNECTION_WAIT_SECONDS", 0.2)
    driver = live.sync_driver(ADA)
    async with live.subscribe(ADA) as subscriber:
        driver.request()
        await subscriber.receive()
        driver.start()
        with database_unavailable(live.url, postgres_url):
            await asyncio.wait_for(failed.wait(), scaled(10))
        monkeypatch.undo()
        driver.record_course(1)
        statuses = [await subscriber.receive_status() for _ in range(2)]
    assert statuses == [("running", 0, 0), ("running", 1, 2)]
