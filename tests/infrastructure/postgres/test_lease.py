"""A lease belongs to one process at a time."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool
from structlog.testing import capture_logs

from infrastructure.all_migrations import apply_migrations
from infrastructure.postgres.lease import Lease, lease_holders
from tests.deadlines import scaled


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[AsyncConnectionPool]:
    apply_migrations(database_url)
    async with AsyncConnectionPool(database_url, open=False, kwargs={"autocommit": True}) as pool:
        yield pool


async def expire(pool: AsyncConnectionPool) -> None:
    async with pool.connection() as connection:
        await connection.execute(
            "UPDATE easeboard.leases SET until = clock_timestamp() - INTERVAL '1 s'"
        )


async def test_only_one_of_many_processes_takes_the_lease(pool: AsyncConnectionPool) -> None:
    leases = [Lease("scan", f"process {number}", pool) for number in range(8)]
    took = await asyncio.gather(*(lease.renew() for lease in leases))
    assert sum(took) == 1
    assert [lease.is_held for lease in leases] == took
    assert await lease_holders(pool) == {"scan": f"process {took.index(True)}"}


async def test_the_holder_renews_the_lease_and_others_wait(pool: AsyncConnectionPool) -> None:
    first, second = Lease("scan", "first", pool), Lease("scan", "second", pool)
    other = Lease("recovery", "second", pool)
    assert [await first.renew(), await second.renew(), await first.renew()] == [True, False, True]
    assert await other.renew(), "another name is another lease"


async def test_a_lease_is_kept_without_a_statement_until_a_third_of_its_time_is_over(
    pool: AsyncConnectionPool,
) -> None:
    lease = Lease("scan", "first", pool, seconds=3600)
    assert await lease.keep(), "the first time it is taken"
    await expire(pool)
    assert await lease.keep()
    assert await lease_holders(pool) == {}, "it was not renewed"
    lease.seconds = 7200
    assert await lease.keep(), "half of its time is over"
    assert await lease_holders(pool) == {"scan": "first"}


async def test_a_released_lease_is_available_at_once(pool: AsyncConnectionPool) -> None:
    first, second = Lease("scan", "first", pool), Lease("scan", "second", pool)
    await first.renew()
    await first.release()
    assert not first.is_held
    assert await second.renew()
    await first.release()
    assert await lease_holders(pool) == {"scan": "second"}, "only its holder can release it"


async def test_a_holder_that_did_not_renew_has_lost_the_lease_by_its_own_clock(
    pool: AsyncConnectionPool,
) -> None:
    first, second = Lease("scan", "first", pool, seconds=0.5), Lease("scan", "second", pool)
    assert await first.renew()
    await asyncio.sleep(0.6)
    assert not first.is_held
    assert await second.renew()
    with capture_logs() as logs:
        assert not await first.renew()
    assert logs == [], "the loss is known already"


async def test_the_epoch_increases_with_each_new_holder(pool: AsyncConnectionPool) -> None:
    first, second = Lease("scan", "first", pool), Lease("scan", "second", pool)
    with capture_logs() as logs:
        await first.renew()
        await first.renew()
        await expire(pool)
        await second.renew()
        await first.renew()
    assert [(entry["event"], entry.get("epoch")) for entry in logs] == [
        ("lease_taken", 1),
        ("lease_taken", 2),
        ("lease_lost", None),
    ]


async def test_a_maintained_lease_is_taken_when_free_and_released_at_the_end(
    pool: AsyncConnectionPool,
) -> None:
    first, second = Lease("scan", "first", pool, seconds=0.3), Lease("scan", "second", pool)
    await second.renew()
    async with first.maintain() as lease, asyncio.timeout(scaled(10)):
        await asyncio.sleep(0.2)
        assert not lease.is_held
        await second.release()
        while not lease.is_held:  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(0.01)
    assert await lease_holders(pool) == {}


async def test_a_lease_is_retried_while_the_database_is_unavailable(
    pool: AsyncConnectionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = Lease("scan", "first", pool, seconds=0.3)
    original = lease._acquire  # sends the statement
    failures = [True]

    async def acquire() -> object:
        if failures:
            failures.pop()
            raise psycopg.OperationalError("no connection")
        return await original()

    monkeypatch.setattr(lease, "_acquire", acquire)
    with capture_logs() as logs:
        async with lease.maintain(), asyncio.timeout(scaled(10)):
            while not lease.is_held:  # noqa: ASYNC110  # there is no event to wait for
                await asyncio.sleep(0.01)
    assert [entry["event"] for entry in logs] == ["lease_not_renewed", "lease_taken"]
