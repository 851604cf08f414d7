"""Twenty commands at once on one connection, in one process and over four: each gets its due."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from domain.connection import Connection
from domain.history_access import HistoryAccess
from domain.sync import Sync
from infrastructure.crypto.master_key import KeyRing
from infrastructure.postgres.errors import DatabaseFailure
from tests.infrastructure.event_store.command_processes import (
    TOKEN,
    CommandProcess,
    in_turn_on,
    open_processes,
    outcomes_of,
)

AT_ONCE = 20


@pytest.fixture(params=[1, 4], ids=["one process", "four processes"])
async def processes(
    request: pytest.FixtureRequest, database_url: str, ring: KeyRing
) -> AsyncIterator[list[CommandProcess]]:
    async with open_processes(database_url, ring, request.param) as processes:
        yield processes


@pytest.fixture
def person() -> UUID:
    return uuid4()


@pytest.fixture
async def connection(processes: list[CommandProcess], person: UUID) -> UUID:
    connection = (await processes[0].set_up(person)).connection_id
    processes[0].canvas.checks.clear()
    return connection


def select(url: str, statement: str, *values: Any) -> list[Any]:
    with psycopg.connect(url) as session:
        return session.execute(statement.encode(), values).fetchall()


def versions_of(url: str, stream: UUID, topic: str) -> list[int]:
    rows = select(
        url,
        "SELECT version FROM easeboard.events WHERE stream = %s AND topic = %s ORDER BY version",
        stream,
        topic,
    )
    return [version for (version,) in rows]


def stored_fingerprints(url: str) -> list[str]:
    rows = select(url, "SELECT fingerprint FROM easeboard.canvas_tokens")
    return [fingerprint for (fingerprint,) in rows]


async def test_all_validations_are_recorded(
    processes: list[CommandProcess], person: UUID, connection: UUID, database_url: str
) -> None:
    each = in_turn_on(processes, AT_ONCE)
    outcomes = await outcomes_of(process.validate(person, connection) for process in each)
    assert outcomes == {"done": AT_ONCE}
    assert processes[0].canvas.checks == [TOKEN] * AT_ONCE
    versions = versions_of(database_url, connection, "ConnectionValidated")
    assert versions == list(range(2, 2 + AT_ONCE))


async def test_all_rotations_succeed_and_one_token_remains(
    processes: list[CommandProcess], person: UUID, connection: UUID, database_url: str
) -> None:
    tokens = [f"7~token-{number}" for number in range(AT_ONCE)]
    outcomes = await outcomes_of(
        process.rotate(person, connection, token)
        for process, token in zip(in_turn_on(processes, AT_ONCE), tokens, strict=True)
    )
    assert outcomes == {"done": AT_ONCE}
    assert sorted(processes[0].canvas.checks) == sorted(tokens)
    newest = await processes[0].store.load(Connection, connection)
    assert newest.version == 1 + AT_ONCE
    assert stored_fingerprints(database_url) == [newest.token_fingerprint]


async def test_one_of_the_setups_opens_the_connection(
    processes: list[CommandProcess], person: UUID, database_url: str
) -> None:
    tokens = [f"7~token-{number}" for number in range(AT_ONCE)]
    outcomes = await outcomes_of(
        process.set_up(person, token)
        for process, token in zip(in_turn_on(processes, AT_ONCE), tokens, strict=True)
    )
    assert outcomes == {"done": 1, "ConnectionExists": AT_ONCE - 1}
    assert sorted(processes[0].canvas.checks) == sorted(tokens)
    ((opened,),) = select(
        database_url, "SELECT stream FROM easeboard.events WHERE topic = 'ConnectionOpened'"
    )
    newest = await processes[0].store.load(Connection, opened)
    assert stored_fingerprints(database_url) == [newest.token_fingerprint]
    assert select(database_url, "SELECT person_id FROM easeboard.people_keys") == [(person,)]


async def test_one_of_the_requested_runs_is_queued_and_one_cancellation_succeeds(
    processes: list[CommandProcess], person: UUID, connection: UUID
) -> None:
    await processes[0].cancel(person, connection)
    each = in_turn_on(processes, AT_ONCE)
    requested = await outcomes_of(process.request(person, connection) for process in each)
    assert requested == {"done": 1, "SyncAlreadyRunning": AT_ONCE - 1}
    cancelled = await outcomes_of(process.cancel(person, connection) for process in each)
    assert cancelled == {"done": 1, "NoSyncRunning": AT_ONCE - 1}
    assert (await processes[0].store.load(Sync, Sync.id_for(connection))).version == 4


async def test_all_reads_of_the_history_are_recorded_by_their_readers(
    processes: list[CommandProcess], connection: UUID, database_url: str
) -> None:
    each = in_turn_on(processes, AT_ONCE)
    readers = [str(uuid4()) for _ in each]
    outcomes = await outcomes_of(
        process.record_read(connection, reader)
        for process, reader in zip(each, readers, strict=True)
    )
    assert outcomes == {"done": AT_ONCE}
    stream = HistoryAccess.id_for(connection)
    versions = versions_of(database_url, stream, "HistoryRead")
    assert versions == list(range(1, 1 + AT_ONCE))
    rows = select(
        database_url,
        "SELECT actor, convert_from(substr(state, 2), 'UTF8')::json ->> 'reader'"
        "  FROM easeboard.events WHERE stream = %s",
        stream,
    )
    assert sorted(rows) == sorted((reader, reader) for reader in readers)


async def test_commands_of_every_kind_at_once_leave_what_the_log_names(
    processes: list[CommandProcess], person: UUID, connection: UUID, database_url: str
) -> None:
    each = in_turn_on(processes, AT_ONCE)
    commands = [
        *(process.validate(person, connection) for process in each[:8]),
        *(
            process.rotate(person, connection, f"7~token-{number}")
            for number, process in enumerate(each[:8])
        ),
        *(process.record_read(connection, "reader") for process in each[:4]),
    ]
    assert await outcomes_of(commands) == {"done": AT_ONCE}
    newest = await processes[0].store.load(Connection, connection)
    assert stored_fingerprints(database_url) == [newest.token_fingerprint]
    versions = [
        version
        for topic in ("ConnectionOpened", "TokenRotated", "ConnectionValidated")
        for version in versions_of(database_url, connection, topic)
    ]
    assert sorted(versions) == list(range(1, newest.version + 1))


async def test_of_rotations_and_closes_at_once_no_token_remains(
    processes: list[CommandProcess], person: UUID, connection: UUID, database_url: str
) -> None:
    each = in_turn_on(processes, AT_ONCE)
    outcomes = await outcomes_of(
        [
            *(
                process.rotate(person, connection, f"7~token-{number}")
                for number, process in enumerate(each[: AT_ONCE // 2])
            ),
            *(process.close(person, connection) for process in each[AT_ONCE // 2 :]),
        ]
    )
    assert set(outcomes) <= {"done", "ConnectionNotFound"}
    assert (await processes[0].store.load(Connection, connection)).status == "closed"
    assert stored_fingerprints(database_url) == []
    assert (await processes[0].store.load(Sync, Sync.id_for(connection))).active_run is None


async def test_of_shares_and_ends_of_a_calendar_the_last_event_decides(
    processes: list[CommandProcess], person: UUID, database_url: str
) -> None:
    for _ in range(3):
        each = in_turn_on(processes, AT_ONCE)
        outcomes = await outcomes_of(
            process.share(person) if number % 2 else process.end_calendar(person)
            for number, process in enumerate(each)
        )
        assert outcomes == {"done": AT_ONCE}
        ((newest,),) = select(
            database_url, "SELECT topic FROM easeboard.events ORDER BY position DESC LIMIT 1"
        )
        addresses = select(database_url, "SELECT person_id FROM easeboard.calendar_addresses")
        assert addresses == ([(person,)] if newest == "CalendarShared" else [])


async def test_two_first_appends_of_a_person_agree_on_one_key(
    processes: list[CommandProcess], database_url: str
) -> None:
    """The address of a calendar and a connection are both the first of a new person."""
    for _ in range(5):
        person = uuid4()
        await asyncio.gather(
            *(
                process.share(person) if number % 2 else process.set_up(person)
                for number, process in enumerate(in_turn_on(processes, 4))
            ),
            return_exceptions=True,
        )
        opened = Connection.id_for(person, "https://canvas.example", 1)
        assert (await processes[-1].store.load(Connection, opened)).status == "active"
        assert await processes[-1].share(person)
    ((keys,),) = select(database_url, "SELECT count(*) FROM easeboard.people_keys")
    assert keys == 5


async def test_commands_on_one_connection_leave_the_database_to_the_others(
    processes: list[CommandProcess], person: UUID, connection: UUID
) -> None:
    """All turns of one stream need one thread, so others get theirs while many wait."""
    process = processes[0]
    waiting = [
        asyncio.create_task(process.rotate(person, connection, f"7~token-{number}"))
        for number in range(60)
    ]
    await process.canvas.was_requested.wait()
    others = await outcomes_of(process.set_up(uuid4()) for _ in range(5))
    assert others == {"done": 5}
    assert not all(task.done() for task in waiting), "the others were served in between"
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [each for each in results if isinstance(each, DatabaseFailure)] == []
    assert results == [None] * 60
