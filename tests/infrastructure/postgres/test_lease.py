"""What one process at a time may do."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool
from structlog.testing import capture_logs

from infrastructure.postgres.lease import Lease, holders
from infrastructure.queue.database_schema import bring_up_to_date


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[AsyncConnectionPool]:
    bring_up_to_date(database_url)
    async with AsyncConnectionPool(database_url, open=False, kwargs={"autocommit": True}) as pool:
        yield pool


async def expire(pool: AsyncConnectionPool) -> None:
    async with pool.connection() as connection:
        await connection.execute(
            "UPDATE easeboard.leases SET until = clock_timestamp() - INTERVAL '1 s'"
        )


async def test_only_one_of_many_takes_it(pool: AsyncConnectionPool) -> None:
    rivals = [Lease("scan", f"process {number}", pool) for number in range(8)]
    took = await asyncio.gather(*(rival.renew() for rival in rivals))
    assert sum(took) == 1
    assert [rival.is_held for rival in rivals] == took
    assert await holders(pool) == {"scan": f"process {took.index(True)}"}


async def test_who_holds_it_renews_it_and_others_wait(pool: AsyncConnectionPool) -> None:
    ours, theirs = Lease("scan", "we", pool), Lease("scan", "they", pool)
    other = Lease("recovery", "they", pool)
    assert [await ours.renew(), await theirs.renew(), await ours.renew()] == [True, False, True]
    assert await other.renew(), "another name is another lease"


async def test_one_that_is_released_is_anybodys_at_once(pool: AsyncConnectionPool) -> None:
    ours, theirs = Lease("scan", "we", pool), Lease("scan", "they", pool)
    await ours.renew()
    await ours.release()
    assert not ours.is_held
    assert await theirs.renew()
    await ours.release()
    assert await holders(pool) == {"scan": "they"}, "only its holder gives it up"


async def test_who_stood_still_for_too_long_has_lost_it_by_its_own_clock(
    pool: AsyncConnectionPool,
) -> None:
    ours, theirs = Lease("scan", "we", pool, seconds=0.05), Lease("scan", "they", pool)
    assert await ours.renew()
    await asyncio.sleep(0.06)
    assert not ours.is_held
    assert await theirs.renew()
    with capture_logs() as lines:
        assert not await ours.renew()
    assert lines == [], "it knew"


async def test_another_holder_is_told_by_the_epoch(pool: AsyncConnectionPool) -> None:
    ours, theirs = Lease("scan", "we", pool), Lease("scan", "they", pool)
    with capture_logs() as lines:
        await ours.renew()
        await ours.renew()
        await expire(pool)
        await theirs.renew()
        await ours.renew()
    assert [(line["event"], line.get("epoch")) for line in lines] == [
        ("lease_taken", 1),
        ("lease_taken", 2),
        ("lease_lost", None),
    ]


async def test_it_is_sought_until_it_is_free_and_given_up_in_the_end(
    pool: AsyncConnectionPool,
) -> None:
    ours, theirs = Lease("scan", "we", pool, seconds=0.3), Lease("scan", "they", pool)
    await theirs.renew()
    async with ours.sought() as lease, asyncio.timeout(10):
        await asyncio.sleep(0.2)
        assert not lease.is_held
        await theirs.release()
        while not lease.is_held:  # noqa: ASYNC110  # it is the database that tells
            await asyncio.sleep(0.01)
    assert await holders(pool) == {}


async def test_a_database_that_is_away_is_no_reason_to_give_up(
    pool: AsyncConnectionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = Lease("scan", "we", pool, seconds=0.3)
    asked = lease._ask  # what goes to the database
    away = [True]

    async def ask() -> object:
        if away:
            away.pop()
            raise psycopg.OperationalError("gone")
        return await asked()

    monkeypatch.setattr(lease, "_ask", ask)
    with capture_logs() as lines:
        async with lease.sought(), asyncio.timeout(10):
            while not lease.is_held:  # noqa: ASYNC110  # it is the database that tells
                await asyncio.sleep(0.01)
    assert [line["event"] for line in lines] == ["lease_not_renewed", "lease_taken"]
