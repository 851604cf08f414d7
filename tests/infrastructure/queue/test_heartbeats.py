import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import psutil
import pytest
from psycopg_pool import AsyncConnectionPool
from structlog.testing import capture_logs

from infrastructure.queue.heartbeats import Heartbeats
from tests.deadlines import scaled
from tests.infrastructure.queue.heartbeat_ages import age_heartbeat


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[AsyncConnectionPool]:
    async with AsyncConnectionPool(database_url, open=False, min_size=1) as pool:
        yield pool


@pytest.fixture
async def heartbeats(pool: AsyncConnectionPool) -> Heartbeats:
    return Heartbeats(pool)


@pytest.fixture
async def remote_heartbeats(pool: AsyncConnectionPool) -> Heartbeats:
    return Heartbeats(pool, host="another-machine")


async def stored_names(pool: AsyncConnectionPool) -> list[str]:
    async with pool.connection() as connection:
        cursor = await connection.execute("SELECT name FROM easeboard.workers ORDER BY name")
        return [name for (name,) in await cursor.fetchall()]


async def backdate_since(pool: AsyncConnectionPool, name: str, seconds: int) -> None:
    """Set the begin of uninterrupted heartbeats to so many seconds earlier."""
    async with pool.connection() as connection:
        await connection.execute(
            """
            UPDATE easeboard.workers
               SET since = since - make_interval(secs => %s)
             WHERE name = %s
            """,
            [seconds, name],
        )


async def test_an_attempt_in_this_process_is_alive_until_it_ends(heartbeats: Heartbeats) -> None:
    with heartbeats.register_attempt() as name:
        assert await heartbeats.worker_status(name) == "alive"
    assert await heartbeats.worker_status(name) == "lost"


async def test_every_attempt_has_its_own_worker_name(heartbeats: Heartbeats) -> None:
    with heartbeats.register_attempt() as first, heartbeats.register_attempt() as second:
        assert first != second


@pytest.mark.process
async def test_a_killed_process_of_this_machine_is_dead_at_once(heartbeats: Heartbeats) -> None:
    child = subprocess.Popen(  # noqa: ASYNC220  # asyncio would reap the zombie
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE
    )
    started = int(psutil.Process(child.pid).create_time())
    name = f"{heartbeats.process_name.split(':')[0]}:{child.pid}:{started}:1"
    assert await heartbeats.worker_status(name) == "alive"
    assert await heartbeats.is_process_alive(name.removesuffix(":1"))
    child.kill()
    await asyncio.to_thread(os.waitid, os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert await heartbeats.worker_status(name) == "gone", "a zombie is dead"
    assert not await heartbeats.is_process_alive(name.removesuffix(":1"))
    child.communicate()
    assert await heartbeats.worker_status(name) == "gone"


async def test_the_heartbeat_decides_for_a_reused_pid(
    heartbeats: Heartbeats, pool: AsyncConnectionPool
) -> None:
    host, pid, started = heartbeats.process_name.split(":")
    earlier_name = f"{host}:{pid}:{int(started) - 60}:1"
    await heartbeats.record_heartbeat()
    assert await heartbeats.worker_status(earlier_name) == "alive"
    await backdate_since(pool, heartbeats.process_name, 11)
    assert await heartbeats.worker_status(earlier_name) == "gone"


async def test_a_remote_worker_is_alive_while_its_heartbeat_is_recent(
    heartbeats: Heartbeats, remote_heartbeats: Heartbeats, pool: AsyncConnectionPool
) -> None:
    await heartbeats.record_heartbeat()
    await backdate_since(pool, heartbeats.process_name, 60)
    await remote_heartbeats.record_heartbeat()
    with remote_heartbeats.register_attempt() as name:
        await age_heartbeat(pool, remote_heartbeats.process_name, 9)
        assert await heartbeats.worker_status(name) == "alive"
        await age_heartbeat(pool, remote_heartbeats.process_name, 2)
        assert await heartbeats.worker_status(name) == "lost"


async def test_a_process_with_a_heartbeat_gap_does_not_declare_others_dead(
    heartbeats: Heartbeats, remote_heartbeats: Heartbeats, pool: AsyncConnectionPool
) -> None:
    await heartbeats.record_heartbeat()
    await remote_heartbeats.record_heartbeat()
    await backdate_since(pool, heartbeats.process_name, 60)
    with remote_heartbeats.register_attempt() as name:
        for each in (heartbeats, remote_heartbeats):
            await age_heartbeat(pool, each.process_name, 30)
        await heartbeats.record_heartbeat()
        assert await heartbeats.worker_status(name) == "alive"
        await backdate_since(pool, heartbeats.process_name, 11)
        assert await heartbeats.worker_status(name) == "gone", (
            "another process has watched for 10 s"
        )


async def test_a_worker_is_lost_if_another_worker_was_alive_at_its_last_heartbeat(
    pool: AsyncConnectionPool,
) -> None:
    dead, peer, api = (
        Heartbeats(pool, roles, host=host)
        for roles, host in ((["worker"], "one"), (["worker"], "two"), (["api"], "three"))
    )
    for each in (dead, peer, api):
        await each.record_heartbeat()
        await backdate_since(pool, each.process_name, 60)
    await age_heartbeat(pool, dead.process_name, 11)
    with dead.register_attempt() as name:
        assert await api.worker_status(name) == "lost"
        await peer.deregister()
        assert await api.worker_status(name) == "gone"


async def test_a_deregistered_process_is_dead_once_another_was_watching_long_enough(
    heartbeats: Heartbeats, remote_heartbeats: Heartbeats, pool: AsyncConnectionPool
) -> None:
    await heartbeats.record_heartbeat()
    await remote_heartbeats.record_heartbeat()
    with remote_heartbeats.register_attempt() as name:
        await remote_heartbeats.deregister()
        assert await heartbeats.worker_status(name) == "alive"
        await backdate_since(pool, heartbeats.process_name, 11)
        assert await heartbeats.worker_status(name) == "gone"


async def test_old_heartbeats_are_deleted_after_a_day(
    heartbeats: Heartbeats, remote_heartbeats: Heartbeats, pool: AsyncConnectionPool
) -> None:
    await remote_heartbeats.record_heartbeat()
    await age_heartbeat(pool, remote_heartbeats.process_name, 86_000)
    await heartbeats.record_heartbeat()
    assert await stored_names(pool) == sorted(
        [remote_heartbeats.process_name, heartbeats.process_name]
    )
    await age_heartbeat(pool, remote_heartbeats.process_name, 1_000)
    await heartbeats.record_heartbeat()
    assert await stored_names(pool) == [heartbeats.process_name]


async def test_an_unknown_worker_name_is_dead(
    heartbeats: Heartbeats, pool: AsyncConnectionPool
) -> None:
    await heartbeats.record_heartbeat()
    await backdate_since(pool, heartbeats.process_name, 11)
    assert await heartbeats.worker_status("unknown") == "gone"
    assert await heartbeats.worker_status("") == "gone"


async def test_heartbeats_continue_after_a_database_error(
    heartbeats: Heartbeats, pool: AsyncConnectionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.queue.heartbeats.UPDATE_HEARTBEAT_INTERVAL_SECONDS", 0.01)
    async with pool.connection() as connection:
        await connection.execute("ALTER TABLE easeboard.workers RENAME TO renamed_workers")
    with capture_logs() as lines:
        task = asyncio.create_task(heartbeats.run_heartbeat())
        async with asyncio.timeout(scaled(5)):
            while True:
                if lines:
                    break
                await asyncio.sleep(0.01)
            async with pool.connection() as connection:
                await connection.execute("ALTER TABLE easeboard.renamed_workers RENAME TO workers")
            while True:
                if await stored_names(pool):
                    break
                await asyncio.sleep(0.01)
    task.cancel()
    assert {line["event"] for line in lines} == {"heartbeat_missed"}


async def test_a_process_is_alive_as_long_as_its_attempts_could_be(
    heartbeats: Heartbeats, remote_heartbeats: Heartbeats, pool: AsyncConnectionPool
) -> None:
    assert await heartbeats.is_process_alive(heartbeats.process_name)
    for each in (heartbeats, remote_heartbeats):
        await each.record_heartbeat()
        await backdate_since(pool, each.process_name, 60)
    assert await heartbeats.is_process_alive(remote_heartbeats.process_name)
    await age_heartbeat(pool, remote_heartbeats.process_name, 11)
    assert not await heartbeats.is_process_alive(remote_heartbeats.process_name)
