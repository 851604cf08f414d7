"""The circuits that every process shares, on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool
from structlog.testing import capture_logs

from domain.circuit_breaker import TRIES, Circuit
from infrastructure.canvas.circuit_breakers import LOOKS, Circuits, circuits, counts

ORIGIN = "https://canvas.example"
OTHER = "https://other.example"
NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[AsyncConnectionPool]:
    async with AsyncConnectionPool(database_url, min_size=1, max_size=8, open=False) as pool:
        yield pool


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept(pool: AsyncConnectionPool, clock: Clock) -> Circuits:
    return Circuits(pool, pool, now=clock, chance=lambda: 0)


async def fail(kept: Circuits, times: int = TRIES, origin: str = ORIGIN) -> None:
    for _ in range(times):
        await kept.is_silent(origin)


async def all_wait(pool: AsyncConnectionPool, total: int) -> None:
    """Until so many sessions wait for a lock."""
    async with asyncio.timeout(20), pool.connection() as connection:
        await connection.set_autocommit(True)
        waiting = 0
        while waiting < total:
            found = await connection.execute(
                """
                SELECT count(*)
                  FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'
                """
            )
            [waiting] = await found.fetchone() or [0]
        await connection.set_autocommit(False)


async def test_five_failures_told_by_any_process_open_the_circuit(
    kept: Circuits, pool: AsyncConnectionPool, clock: Clock
) -> None:
    another = Circuits(pool, pool, now=clock, chance=lambda: 0)
    with capture_logs() as lines:
        await asyncio.gather(*[each.is_silent(ORIGIN) for each in (kept, another) * 2])
        assert await circuits(pool) == {ORIGIN: Circuit(failures=4)}
        await kept.is_silent(ORIGIN)
    opened = Circuit(failures=5, openings=1, open_until=NOON + MINUTE)
    assert await circuits(pool) == {ORIGIN: opened}
    assert [(line["event"], line["origin"], line["until"]) for line in lines] == [
        ("canvas_host_silent", ORIGIN, "2026-09-01T12:01:00+00:00")
    ]


async def test_a_host_that_answers_begins_anew(kept: Circuits, pool: AsyncConnectionPool) -> None:
    await fail(kept)
    await fail(kept, 4, OTHER)
    with capture_logs() as lines:
        await kept.answers(OTHER)
        await kept.answers(ORIGIN)
        await kept.answers(ORIGIN)
    assert [line["event"] for line in lines] == ["canvas_host_answers_again"]
    assert await circuits(pool) == {}
    await fail(kept, 4)
    assert counts(await circuits(pool), NOON) == {"open": 0, "half_open": 0}


async def test_where_nothing_was_noted_an_answer_writes_nothing(
    pool: AsyncConnectionPool, database_url: str
) -> None:
    never_opened = AsyncConnectionPool(database_url, open=False)
    with capture_logs() as lines:
        await Circuits(never_opened, pool).answers(ORIGIN)
    assert lines == []


async def test_one_of_many_that_would_may_send_the_probe(
    kept: Circuits, pool: AsyncConnectionPool, clock: Clock
) -> None:
    await fail(kept)
    assert not await kept.probe(ORIGIN)
    clock.now += MINUTE
    assert counts(await circuits(pool), clock()) == {"open": 0, "half_open": 1}
    with capture_logs() as lines:
        async with pool.connection() as connection:
            await connection.execute("SELECT FROM easeboard.canvas_hosts FOR UPDATE")
            sending = [asyncio.create_task(kept.probe(ORIGIN)) for _ in range(5)]
            await all_wait(pool, 5)
        sent = await asyncio.gather(*sending)
    assert sorted(sent) == [False] * 4 + [True]
    assert [line["event"] for line in lines] == ["canvas_host_probed"]
    assert counts(await circuits(pool), clock()) == {"open": 0, "half_open": 1}
    await kept.is_silent(ORIGIN)
    assert (await circuits(pool))[ORIGIN].open_until == clock.now + 2 * MINUTE
    assert counts(await circuits(pool), clock()) == {"open": 1, "half_open": 0}


async def test_nobody_probes_a_host_that_answers(kept: Circuits, clock: Clock) -> None:
    assert not await kept.probe(ORIGIN)
    await fail(kept, 4)
    clock.now += timedelta(hours=9)
    assert not await kept.probe(ORIGIN)


async def test_failures_of_long_ago_are_forgotten(
    kept: Circuits, pool: AsyncConnectionPool, clock: Clock
) -> None:
    await fail(kept)
    clock.now += timedelta(days=1, seconds=1)
    await kept.is_silent(OTHER)
    assert await circuits(pool) == {OTHER: Circuit(failures=1)}


async def test_a_host_is_in_doubt_as_long_as_its_circuit_is_not_closed(
    kept: Circuits, clock: Clock
) -> None:
    async def doubts() -> list[bool]:
        return [await kept.is_in_doubt(origin) for origin in (ORIGIN, OTHER)]

    assert await doubts() == [False, False]
    await fail(kept)
    await fail(kept, TRIES - 1, OTHER)
    assert await doubts() == [False, False], "a process looks every few seconds"
    clock.now += LOOKS + MINUTE
    assert await doubts() == [True, False], "also once it is time for a probe"
    await kept.answers(ORIGIN)
    clock.now -= timedelta(hours=1)
    assert await doubts() == [False, False], "also where a clock was set back"


async def test_a_database_that_is_away_harms_no_run(kept: Circuits, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("DROP TABLE easeboard.canvas_hosts")
    with capture_logs() as lines:
        await kept.answers(ORIGIN)
        await kept.is_silent(ORIGIN)
        assert not await kept.is_in_doubt(ORIGIN)
    assert [line["event"] for line in lines] == [
        "canvas_host_not_noted",
        "canvas_host_not_noted",
        "canvas_hosts_not_read",
    ]
