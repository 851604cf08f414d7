import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import psutil
import pytest
from psycopg_pool import AsyncConnectionPool
from structlog.testing import capture_logs

from infrastructure.queue.heartbeats import Workers
from tests.infrastructure.queue.heartbeat_ages import age


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


async def names(pool: AsyncConnectionPool) -> list[str]:
    async with pool.connection() as connection:
        cursor = await connection.execute("SELECT name FROM easeboard.workers ORDER BY name")
        return [name for (name,) in await cursor.fetchall()]


async def heard_for(pool: AsyncConnectionPool, name: str, seconds: int) -> None:
    """Let a process have beaten without a gap for so long."""
    async with pool.connection() as connection:
        await connection.execute(
            """
            UPDATE easeboard.workers
               SET since = since - make_interval(secs => %s)
             WHERE name = %s
            """,
            [seconds, name],
        )


async def test_a_run_under_way_here_is_alive_until_it_is_over(workers: Workers) -> None:
    with workers.taking_on() as name:
        assert await workers.fate(name) == "alive"
    assert await workers.fate(name) == "lost"


async def test_every_run_has_a_name_of_its_own(workers: Workers) -> None:
    with workers.taking_on() as first, workers.taking_on() as second:
        assert first != second


async def test_a_killed_process_of_this_machine_is_dead_at_once(workers: Workers) -> None:
    child = subprocess.Popen(  # noqa: ASYNC220  # asyncio would reap the zombie
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE
    )
    started = int(psutil.Process(child.pid).create_time())
    name = f"{workers.process.split(':')[0]}:{child.pid}:{started}:1"
    assert await workers.fate(name) == "alive"
    child.kill()
    await asyncio.to_thread(os.waitid, os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert await workers.fate(name) == "gone", "a zombie is dead"
    child.communicate()
    assert await workers.fate(name) == "gone"


async def test_a_reused_pid_is_judged_by_the_heartbeat(
    workers: Workers, pool: AsyncConnectionPool
) -> None:
    host, pid, started = workers.process.split(":")
    before = f"{host}:{pid}:{int(started) - 60}:1"
    await workers.beat()
    assert await workers.fate(before) == "alive"
    await heard_for(pool, workers.process, 11)
    assert await workers.fate(before) == "gone"


async def test_a_worker_elsewhere_lives_as_long_as_it_beats(
    workers: Workers, elsewhere: Workers, pool: AsyncConnectionPool
) -> None:
    await workers.beat()
    await heard_for(pool, workers.process, 60)
    await elsewhere.beat()
    with elsewhere.taking_on() as name:
        await age(pool, elsewhere.process, 9)
        assert await workers.fate(name) == "alive"
        await age(pool, elsewhere.process, 2)
        assert await workers.fate(name) == "lost"


async def test_who_was_silent_itself_calls_nobody_dead(
    workers: Workers, elsewhere: Workers, pool: AsyncConnectionPool
) -> None:
    await workers.beat()
    await elsewhere.beat()
    await heard_for(pool, workers.process, 60)
    with elsewhere.taking_on() as name:
        for each in (workers, elsewhere):
            await age(pool, each.process, 30)
        await workers.beat()
        assert await workers.fate(name) == "alive"
        await heard_for(pool, workers.process, 11)
        assert await workers.fate(name) == "gone", "nobody saw it die"


async def test_a_run_is_lost_where_a_peer_was_there_when_its_worker_was_last_heard(
    pool: AsyncConnectionPool,
) -> None:
    dead, peer, api = (
        Workers(pool, roles, host=host)
        for roles, host in ((["worker"], "one"), (["worker"], "two"), (["api"], "three"))
    )
    for each in (dead, peer, api):
        await each.beat()
        await heard_for(pool, each.process, 60)
    await age(pool, dead.process, 11)
    with dead.taking_on() as name:
        assert await api.fate(name) == "lost"
        await peer.leave()
        assert await api.fate(name) == "gone"


async def test_who_left_is_dead_as_soon_as_others_were_heard_for_long(
    workers: Workers, elsewhere: Workers, pool: AsyncConnectionPool
) -> None:
    await workers.beat()
    await elsewhere.beat()
    with elsewhere.taking_on() as name:
        await elsewhere.leave()
        assert await workers.fate(name) == "alive"
        await heard_for(pool, workers.process, 11)
        assert await workers.fate(name) == "gone"


async def test_the_dead_are_forgotten_after_a_day(
    workers: Workers, elsewhere: Workers, pool: AsyncConnectionPool
) -> None:
    await elsewhere.beat()
    await age(pool, elsewhere.process, 86_000)
    await workers.beat()
    assert await names(pool) == sorted([elsewhere.process, workers.process])
    await age(pool, elsewhere.process, 1_000)
    await workers.beat()
    assert await names(pool) == [workers.process]


async def test_a_name_of_no_worker_is_dead(workers: Workers, pool: AsyncConnectionPool) -> None:
    await workers.beat()
    await heard_for(pool, workers.process, 11)
    assert await workers.fate("nobody") == "gone"
    assert await workers.fate("") == "gone"


async def test_a_missed_beat_is_made_up_for(
    workers: Workers, pool: AsyncConnectionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.queue.heartbeats.BEAT", 0.01)
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
