"""Tests of the counts by person: exact over processes, and kept over outages."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from infrastructure.all_migrations import apply_migrations
from infrastructure.rate_limiting.person_usage import (
    BYTES_PER_DAY,
    CONNECTIONS_PER_PERSON,
    EVENTS_PER_DAY,
    PersonUsage,
)

PERSON, OTHER = uuid4(), uuid4()
INSERT_TOKEN = """
INSERT INTO easeboard.canvas_tokens (
    connection_id, fingerprint, person_id, key_id, wrapped, sealed
)
VALUES (%s, 'f', %s, 'k1', '', '')
"""


@asynccontextmanager
async def opened_usage(url: str) -> AsyncIterator[PersonUsage]:
    async with AsyncConnectionPool(url, min_size=1, max_size=4, open=False) as pool:
        yield PersonUsage(pool)


@pytest.fixture
async def usage(database_url: str) -> AsyncIterator[PersonUsage]:
    apply_migrations(database_url)
    async with opened_usage(database_url) as usage:
        yield usage


async def test_what_processes_record_is_added_up(usage: PersonUsage, database_url: str) -> None:
    async with opened_usage(database_url) as other_process:
        for number in range(3):
            usage.count(PERSON, 10, 100 + number)
            other_process.count(PERSON, 1, 1)
            other_process.count(OTHER, EVENTS_PER_DAY, 1)
        await asyncio.gather(usage.flush(), other_process.flush())
    async with opened_usage(database_url) as restarted:
        left = await restarted.left_today(PERSON)
        assert left == (EVENTS_PER_DAY - 33, BYTES_PER_DAY - 306)
        assert not left.is_used_up
        assert (await restarted.left_today(OTHER)).is_used_up
        restarted.count(PERSON, 7, 0)
        assert (await restarted.left_today(PERSON)).events == EVENTS_PER_DAY - 40


async def test_counts_are_kept_while_the_database_is_away(
    usage: PersonUsage, database_url: str
) -> None:
    usage.count(PERSON, 5, 50)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE easeboard.person_usage RENAME TO hidden")
        with pytest.raises(psycopg.errors.UndefinedTable):
            await usage.flush()
        usage.count(PERSON, 1, 1)
        connection.execute("ALTER TABLE easeboard.hidden RENAME TO person_usage")
    await usage.flush()
    await usage.flush()
    assert await usage.left_today(PERSON) == (EVENTS_PER_DAY - 6, BYTES_PER_DAY - 51)


async def test_connections_that_are_opened_at_once_are_counted_one_after_the_other(
    usage: PersonUsage, database_url: str
) -> None:
    async def open_connection(connection_id: UUID, person_id: UUID) -> str | None:
        place = usage.place_for(person_id, connection_id)
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            try:
                await connection.execute(place.statement, place.values)
            except psycopg.DatabaseError as error:
                await connection.rollback()
                return error.sqlstate
            await asyncio.sleep(0)
            await connection.execute(INSERT_TOKEN, [connection_id, person_id])
        return None

    ids = [uuid4() for _ in range(CONNECTIONS_PER_PERSON + 5)]
    outcomes = await asyncio.gather(*(open_connection(id_, PERSON) for id_ in ids))
    assert outcomes.count(None) == CONNECTIONS_PER_PERSON
    assert outcomes.count("EB016") == 5
    assert not await usage.has_place(PERSON)
    opened = next(id_ for id_, outcome in zip(ids, outcomes, strict=True) if outcome is None)
    place = usage.place_for(PERSON, opened)
    with psycopg.connect(database_url) as connection:
        connection.execute(place.statement, place.values)
    assert await open_connection(uuid4(), OTHER) is None
    assert await usage.has_place(OTHER)
