"""Who plays which role is told by the heartbeats."""

from collections.abc import AsyncIterator

import pytest
from psycopg_pool import AsyncConnectionPool

from infrastructure.postgres.connection_budget import budget
from infrastructure.queue.database_schema import bring_up_to_date
from infrastructure.queue.heartbeats import Workers
from infrastructure.queue.role_health import ROLES, cast, demand
from tests.infrastructure.queue.heartbeat_ages import age


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[AsyncConnectionPool]:
    bring_up_to_date(database_url)
    async with AsyncConnectionPool(database_url, open=False) as pool:
        yield pool


async def test_where_no_process_runs_nothing_is_wrong(pool: AsyncConnectionPool) -> None:
    assert await cast(pool) == {}


async def test_a_role_nobody_plays_is_told_with_the_way_out(pool: AsyncConnectionPool) -> None:
    await Workers(pool, ["api", "projector"], host="one").beat()
    await Workers(pool, ["api", "worker"], host="two").beat()
    assert await cast(pool) == {
        "api": "ok",
        "worker": "ok",
        "projector": "ok",
        "scheduler": "nobody plays it: start easeboard serve --roles scheduler",
    }


async def test_a_process_that_fell_silent_is_named_until_it_is_long_gone(
    pool: AsyncConnectionPool,
) -> None:
    silent, other = Workers(pool, ROLES, host="one"), Workers(pool, ["worker"], host="two")
    await silent.beat()
    await other.beat()
    await age(pool, silent.process, 40)
    told = await cast(pool)
    assert told["worker"] == f"silent: {silent.process} for 40 s"
    assert told["api"].startswith("nobody plays it")
    await age(pool, silent.process, 600)
    assert (await cast(pool))["worker"] == "ok"


async def test_who_left_in_good_order_is_not_missed(pool: AsyncConnectionPool) -> None:
    leaving, staying = Workers(pool, ROLES, host="one"), Workers(pool, ROLES, host="two")
    for each in (leaving, staying):
        await each.beat()
    await leaving.leave()
    assert set((await cast(pool)).values()) == {"ok"}


async def test_what_living_processes_may_need_is_set_against_what_there_is(
    pool: AsyncConnectionPool,
) -> None:
    async with pool.connection() as connection:
        shown = await (await connection.execute("SHOW max_connections")).fetchone()
    assert shown
    room = int(shown[0]) - 3
    assert await demand(pool) == (0, room)
    silent = Workers(pool, ROLES, host="one")
    await silent.beat()
    await Workers(pool, ["worker"], host="two").beat()
    both = sum(budget(ROLES)) + sum(budget(["worker"]))
    assert await demand(pool) == (both, room)
    await age(pool, silent.process, 40)
    assert await demand(pool) == (sum(budget(["worker"])), room)
