"""Tests of the circuit breakers that all processes share, with a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool
from structlog.testing import capture_logs

from domain.circuit_breaker import FAILURE_THRESHOLD, CircuitBreaker
from infrastructure.canvas.circuit_breakers import (
    DEGRADED_HOSTS_MAX_AGE,
    MAX_TRY_TIME,
    REJECTIONS_OF_DEGRADED_HOST,
    SLOW_TRY_TIME,
    CircuitBreakers,
    count_states,
    load_circuit_breakers,
)
from tests.deadlines import scaled

ORIGIN = "https://canvas.example"
OTHER = "https://other.example"
NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class SettableClock:
    """A clock that changes only when a test sets it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[AsyncConnectionPool]:
    async with AsyncConnectionPool(database_url, min_size=1, max_size=8, open=False) as pool:
        yield pool


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def circuit_breakers(pool: AsyncConnectionPool, clock: SettableClock) -> CircuitBreakers:
    return CircuitBreakers(pool, pool, clock=clock, random_value=lambda: 0)


async def record_failures(
    circuit_breakers: CircuitBreakers, times: int = FAILURE_THRESHOLD, origin: str = ORIGIN
) -> None:
    for _ in range(times):
        await circuit_breakers.record_failure(origin)


async def wait_for_lock_waiters(pool: AsyncConnectionPool, total: int) -> None:
    """Wait until this number of database sessions wait for a lock."""
    async with asyncio.timeout(scaled(20)), pool.connection() as connection:
        await connection.set_autocommit(True)
        waiting = 0
        while waiting < total:
            cursor = await connection.execute(
                """
                SELECT count(*)
                  FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'
                """
            )
            [waiting] = await cursor.fetchone() or [0]
        await connection.set_autocommit(False)


async def test_five_failures_from_any_process_open_the_circuit(
    circuit_breakers: CircuitBreakers, pool: AsyncConnectionPool, clock: SettableClock
) -> None:
    other_process = CircuitBreakers(pool, pool, clock=clock, random_value=lambda: 0)
    with capture_logs() as lines:
        await asyncio.gather(
            *[breakers.record_failure(ORIGIN) for breakers in (circuit_breakers, other_process) * 2]
        )
        assert await load_circuit_breakers(pool) == {ORIGIN: CircuitBreaker(failures=4)}
        await circuit_breakers.record_failure(ORIGIN)
    opened = CircuitBreaker(failures=5, openings=1, open_until=NOON + MINUTE)
    assert await load_circuit_breakers(pool) == {ORIGIN: opened}
    assert [(line["event"], line["origin"], line["until"]) for line in lines] == [
        ("canvas_host_unreachable", ORIGIN, "2026-09-01T12:01:00+00:00")
    ]


async def test_a_success_resets_the_failure_count(
    circuit_breakers: CircuitBreakers, pool: AsyncConnectionPool
) -> None:
    await record_failures(circuit_breakers)
    await record_failures(circuit_breakers, 4, OTHER)
    with capture_logs() as lines:
        await circuit_breakers.record_success(OTHER)
        await circuit_breakers.record_success(ORIGIN)
        await circuit_breakers.record_success(ORIGIN)
    assert [line["event"] for line in lines] == ["canvas_host_recovered"]
    assert await load_circuit_breakers(pool) == {}
    await record_failures(circuit_breakers, 4)
    assert count_states(await load_circuit_breakers(pool), NOON) == {"open": 0, "half_open": 0}


async def test_a_success_without_recorded_failures_writes_nothing(
    pool: AsyncConnectionPool, database_url: str
) -> None:
    never_opened = AsyncConnectionPool(database_url, open=False)
    with capture_logs() as lines:
        await CircuitBreakers(never_opened, pool).record_success(ORIGIN)
    assert lines == []


async def test_only_one_of_several_scheduled_runs_is_the_probe(
    circuit_breakers: CircuitBreakers, pool: AsyncConnectionPool, clock: SettableClock
) -> None:
    await record_failures(circuit_breakers)
    assert not await circuit_breakers.admits_scheduled_run(ORIGIN)
    clock.now += MINUTE
    assert count_states(await load_circuit_breakers(pool), clock()) == {"open": 0, "half_open": 1}
    with capture_logs() as lines:
        async with pool.connection() as connection:
            await connection.execute("SELECT FROM easeboard.canvas_hosts FOR UPDATE")
            probing = [
                asyncio.create_task(circuit_breakers.admits_scheduled_run(ORIGIN)) for _ in range(5)
            ]
            await wait_for_lock_waiters(pool, 5)
        results = await asyncio.gather(*probing)
    assert sorted(results) == [False] * 4 + [True]
    assert [line["event"] for line in lines] == ["canvas_host_probed"]
    assert count_states(await load_circuit_breakers(pool), clock()) == {"open": 0, "half_open": 1}
    await circuit_breakers.record_failure(ORIGIN)
    assert (await load_circuit_breakers(pool))[ORIGIN].open_until == clock.now + 2 * MINUTE
    assert count_states(await load_circuit_breakers(pool), clock()) == {"open": 1, "half_open": 0}


async def test_a_host_with_a_closed_circuit_admits_every_scheduled_run(
    circuit_breakers: CircuitBreakers, clock: SettableClock
) -> None:
    with capture_logs() as lines:
        assert await circuit_breakers.admits_scheduled_run(ORIGIN)
        await record_failures(circuit_breakers, 4)
        clock.now += timedelta(hours=9)
        assert await circuit_breakers.admits_scheduled_run(ORIGIN)
    assert lines == []


async def test_old_failures_are_deleted(
    circuit_breakers: CircuitBreakers, pool: AsyncConnectionPool, clock: SettableClock
) -> None:
    await record_failures(circuit_breakers)
    clock.now += timedelta(days=1, seconds=1)
    await circuit_breakers.record_failure(OTHER)
    assert await load_circuit_breakers(pool) == {OTHER: CircuitBreaker(failures=1)}


async def test_a_host_is_degraded_until_its_circuit_closes(
    circuit_breakers: CircuitBreakers, pool: AsyncConnectionPool, clock: SettableClock
) -> None:
    other_process = CircuitBreakers(pool, pool, clock=clock, random_value=lambda: 0)

    async def degraded() -> list[bool]:
        return [await circuit_breakers.is_degraded(origin) for origin in (ORIGIN, OTHER)]

    assert await degraded() == [False, False]
    await record_failures(other_process)
    await record_failures(circuit_breakers, FAILURE_THRESHOLD - 1, OTHER)
    assert await degraded() == [False, False], "the last query is reused for a few seconds"
    await circuit_breakers.record_failure(ORIGIN)
    assert await degraded() == [True, False], "what this process records counts at once"
    clock.now += DEGRADED_HOSTS_MAX_AGE + MINUTE
    assert await degraded() == [True, False], "a half-open circuit is degraded too"
    await circuit_breakers.record_success(ORIGIN)
    clock.now -= timedelta(hours=1)
    assert await degraded() == [False, False], "a clock that was set back causes a new query"


async def test_at_a_degraded_host_one_requested_run_waits_at_a_time(
    circuit_breakers: CircuitBreakers, clock: SettableClock
) -> None:
    assert all(circuit_breakers.admits_requested_run(ORIGIN) for _ in range(2))
    await record_failures(circuit_breakers)
    assert [circuit_breakers.admits_requested_run(ORIGIN) for _ in range(2)] == [True, False]
    await circuit_breakers.record_failure(ORIGIN)
    clock.now += MINUTE
    assert await circuit_breakers.admits_scheduled_run(ORIGIN)
    assert not circuit_breakers.admits_requested_run(ORIGIN), "the probe waits"
    clock.now += MAX_TRY_TIME
    assert circuit_breakers.admits_requested_run(ORIGIN), "the probe has ended without a report"
    clock.now += SLOW_TRY_TIME + MINUTE
    await circuit_breakers.record_failure(ORIGIN)
    assert not circuit_breakers.admits_requested_run(ORIGIN), "the last one waited for long"
    clock.now += SLOW_TRY_TIME
    assert circuit_breakers.admits_requested_run(ORIGIN)
    await circuit_breakers.record_success(ORIGIN)
    assert all(circuit_breakers.admits_requested_run(ORIGIN) for _ in range(2))


async def test_a_host_that_rejects_tokens_in_a_row_is_degraded_and_its_circuit_is_closed(
    circuit_breakers: CircuitBreakers, pool: AsyncConnectionPool
) -> None:
    await record_failures(circuit_breakers)
    await circuit_breakers.record_rejection(ORIGIN)
    assert not await circuit_breakers.is_degraded(ORIGIN)
    for _ in range(REJECTIONS_OF_DEGRADED_HOST - 1):
        await circuit_breakers.record_rejection(ORIGIN)
    assert await load_circuit_breakers(pool) == {}
    assert await circuit_breakers.is_degraded(ORIGIN)
    assert await circuit_breakers.admits_scheduled_run(ORIGIN)
    assert not await circuit_breakers.is_degraded(OTHER)
    await circuit_breakers.record_success(ORIGIN)
    assert not await circuit_breakers.is_degraded(ORIGIN)


async def test_an_unavailable_database_does_not_fail_a_run(
    circuit_breakers: CircuitBreakers, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("DROP TABLE easeboard.canvas_hosts")
    with capture_logs() as lines:
        await circuit_breakers.record_success(ORIGIN)
        await circuit_breakers.record_failure(ORIGIN)
        assert not await circuit_breakers.is_degraded(ORIGIN)
        assert not await circuit_breakers.admits_scheduled_run(ORIGIN)
    assert [line["event"] for line in lines] == [
        "canvas_host_not_saved",
        "canvas_host_not_saved",
        "canvas_hosts_not_loaded",
        "canvas_hosts_not_loaded",
    ]


async def test_since_when_a_host_fails_is_its_first_failure_after_a_response(
    circuit_breakers: CircuitBreakers, pool: AsyncConnectionPool, clock: SettableClock
) -> None:
    async def failing_since() -> datetime | None:
        async with pool.connection() as connection:
            cursor = await connection.execute("SELECT failing_since FROM easeboard.canvas_hosts")
            row: tuple[datetime] | None = await cursor.fetchone()
        return row[0] if row else None

    await circuit_breakers.record_failure(ORIGIN)
    clock.now += MINUTE
    await circuit_breakers.record_failure(ORIGIN)
    assert await failing_since() == NOON
    await circuit_breakers.record_success(ORIGIN)
    assert await failing_since() is None
    await circuit_breakers.record_failure(ORIGIN)
    assert await failing_since() == NOON + MINUTE
