import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import psutil
import pytest
from psycopg_pool import AsyncConnectionPool
from structlog.testing import capture_logs

from infrastructure.workers import Workers


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[AsyncConnectionPool]:
    async with AsyncConnectionPool(database_url, open=False, min_size=1) as pool:
        yield pool


@pytest.fixture
async def workers(pool: AsyncConnectionPool) -> Workers:
    return Workers(pool)


@pytest.fixture
async def elsewhere(pool: AsyncConnectionPool) -> Workers:
    return Workers(pool, host="another-machine")


async def age(pool: AsyncConnectionPool, name: str, seconds: int) -> None:
    async with pool.connection() as connection:
        await connection.execute(
            """
            UPDATE easeboard.workers
               SET heartbeat_at = heartbeat_at - make_interval(secs => %s)
             WHERE name = %s
            """,
            [seconds, name],
        )


async def names(pool: AsyncConnectionPool) -> list[str]:
    async with pool.connection() as connection:
        cursor = await connection.execute("SELECT name FROM easeboard.workers ORDER BY name")
        return [name for (name,) in await cursor.fetchall()]


async def test_a_run_under_way_here_is_alive_until_it_is_over(workers: Workers) -> None:
    with workers.taking_on() as name:
        assert not await workers.is_dead(name)
    assert await workers.is_dead(name)


async def test_every_run_has_a_name_of_its_own(workers: Workers) -> None:
    with workers.taking_on() as first, workers.taking_on() as second:
        assert first != second


async def test_a_killed_process_of_this_machine_is_dead_at_once(workers: Workers) -> None:
    child = subprocess.Popen(  # noqa: ASYNC220  # asyncio would reap the zombie
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE
    )
    started = int(psutil.Process(child.pid).create_time())
    name = f"{workers.process.split(':')[0]}:{child.pid}:{started}:1"
    assert not await workers.is_dead(name)
    child.kill()
    await asyncio.to_thread(os.waitid, os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert await workers.is_dead(name), "a zombie is dead"
    child.communicate()
    assert await workers.is_dead(name)


async def test_a_reused_pid_is_judged_by_the_heartbeat(workers: Workers) -> None:
    host, pid, started = workers.process.split(":")
    assert await workers.is_dead(f"{host}:{pid}:{int(started) - 60}:1")


async def test_a_worker_elsewhere_lives_as_long_as_it_beats(
    workers: Workers, elsewhere: Workers, pool: AsyncConnectionPool
) -> None:
    with elsewhere.taking_on() as name:
        assert await workers.is_dead(name), "it never beat"
        await elsewhere.beat()
        assert not await workers.is_dead(name)
        await age(pool, elsewhere.process, 9)
        assert not await workers.is_dead(name)
        await age(pool, elsewhere.process, 2)
        assert await workers.is_dead(name)


async def test_who_left_is_dead_at_once(workers: Workers, elsewhere: Workers) -> None:
    await elsewhere.beat()
    with elsewhere.taking_on() as name:
        await elsewhere.leave()
        assert await workers.is_dead(name)


async def test_the_dead_are_forgotten(
    workers: Workers, elsewhere: Workers, pool: AsyncConnectionPool
) -> None:
    await elsewhere.beat()
    await age(pool, elsewhere.process, 11)
    await workers.beat()
    assert await names(pool) == [workers.process]


async def test_a_name_of_no_worker_is_dead(workers: Workers) -> None:
    assert await workers.is_dead("nobody")
    assert await workers.is_dead("")


async def test_a_missed_beat_is_made_up_for(
    workers: Workers, pool: AsyncConnectionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.workers.BEAT", 0.01)
    async with pool.connection() as connection:
        await connection.execute("ALTER TABLE easeboard.workers RENAME TO gone")
    with capture_logs() as lines:
        beating = asyncio.create_task(workers.keep_beating())
        async with asyncio.timeout(5):
            while True:
                if lines:
                    break
                await asyncio.sleep(0.01)
            async with pool.connection() as connection:
                await connection.execute("ALTER TABLE easeboard.gone RENAME TO workers")
            while True:
                if await names(pool):
                    break
                await asyncio.sleep(0.01)
    beating.cancel()
    assert {line["event"] for line in lines} == {"heartbeat_missed"}
