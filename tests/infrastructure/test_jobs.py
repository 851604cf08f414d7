import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from structlog.testing import capture_logs

from application.acting import now_acting
from application.run_sync import RunSync
from infrastructure.jobs import RunsSync, SyncQueue, sync_queue
from infrastructure.schema import bring_up_to_date

CONNECTION = UUID("00000000-0000-4000-8000-000000000001")
SYNC = UUID("00000000-0000-4000-8000-000000000002")


@pytest.fixture
async def queue(database_url: str) -> AsyncIterator[SyncQueue]:
    bring_up_to_date(database_url)
    async with sync_queue(database_url) as queue:
        yield queue


@asynccontextmanager
async def working(queue: SyncQueue, run_sync: RunsSync, grace: float = 5) -> AsyncIterator[None]:
    worker = asyncio.create_task(queue.work(run_sync, grace=grace))
    try:
        yield
    finally:
        worker.cancel()
        await asyncio.wait({worker})


async def until(condition: str, url: str) -> None:
    async with (
        asyncio.timeout(10),
        await psycopg.AsyncConnection.connect(url, autocommit=True) as connection,
    ):
        while True:
            if await (await connection.execute(condition)).fetchone() == (True,):
                return
            await asyncio.sleep(0.01)


EMPTY = """
    SELECT NOT EXISTS (SELECT FROM procrastinate.procrastinate_jobs WHERE task_name = 'run_sync')
"""


async def test_a_queued_run_is_taken_on(queue: SyncQueue, database_url: str) -> None:
    taken = asyncio.Queue[tuple[RunSync, str, str | None]]()

    async def run(command: RunSync) -> None:
        assert not await queue.is_dead(command.worker)
        await taken.put((command, now_acting().actor, now_acting().correlation_id))

    async with working(queue, run):
        await queue.enqueue(CONNECTION, SYNC)
        command, actor, correlation_id = await asyncio.wait_for(taken.get(), 10)
        await until(EMPTY, database_url)
    assert command.connection_id == CONNECTION
    assert (actor, correlation_id) == ("worker", str(SYNC))
    assert await queue.is_dead(command.worker)


async def test_the_same_run_twice_is_one_job(queue: SyncQueue) -> None:
    await queue.enqueue(CONNECTION, SYNC)
    await queue.enqueue(CONNECTION, SYNC)
    assert await queue.waiting() == {CONNECTION}
    taken = asyncio.Queue[UUID]()

    async def run(command: RunSync) -> None:
        await taken.put(command.connection_id)

    async with working(queue, run):
        assert await asyncio.wait_for(taken.get(), 10) == CONNECTION
        other = uuid4()
        await queue.enqueue(other, uuid4())
        assert await asyncio.wait_for(taken.get(), 10) == other
    assert taken.empty()


async def test_a_run_that_breaks_off_is_logged_once_and_the_worker_goes_on(
    queue: SyncQueue, database_url: str
) -> None:
    async def run(_: RunSync) -> None:
        raise RuntimeError("out of coffee")

    with capture_logs() as lines:
        async with working(queue, run):
            for _ in range(2):
                await queue.enqueue(CONNECTION, uuid4())
                await until(EMPTY, database_url)
    assert [line["event"] for line in lines] == ["run_broke_off", "run_broke_off"]


async def test_a_stopping_worker_lets_its_run_end(queue: SyncQueue) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def run(_: RunSync) -> None:
        begun.set()
        await asyncio.sleep(0.2)
        ended.set()

    async with working(queue, run):
        await queue.enqueue(CONNECTION, SYNC)
        await asyncio.wait_for(begun.wait(), 10)
    assert ended.is_set()


async def test_a_stopping_worker_does_not_wait_for_ever(
    queue: SyncQueue, database_url: str
) -> None:
    begun, cut_off = asyncio.Event(), asyncio.Event()

    async def run(_: RunSync) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cut_off.set()

    async with asyncio.timeout(10), working(queue, run, grace=0.1):
        await queue.enqueue(CONNECTION, SYNC)
        await begun.wait()
    assert cut_off.is_set()
    await until(EMPTY, database_url)
    await until("SELECT NOT EXISTS (SELECT FROM easeboard.workers)", database_url)


async def test_a_killed_worker_is_dead_and_its_job_swept_away(
    queue: SyncQueue, database_url: str
) -> None:
    script = Path(__file__).with_name("worker_process.py")
    child = await asyncio.create_subprocess_exec(
        sys.executable, script, database_url, stdout=PIPE, env={"PYTHONPATH": str(Path.cwd())}
    )
    try:
        await queue.enqueue(CONNECTION, SYNC)
        assert child.stdout
        name = (await child.stdout.readline()).decode().strip()
        assert not await queue.is_dead(name)
        assert await queue.waiting() == set()
    finally:
        child.kill()
        await child.wait()
    assert await queue.is_dead(name)
    with psycopg.connect(database_url, autocommit=True) as connection:
        await queue.sweep()
        assert connection.execute(EMPTY).fetchone() == (False,), "it may just be slow"
        connection.execute(
            "UPDATE procrastinate.procrastinate_workers SET last_heartbeat = now() - INTERVAL '11s'"
        )
        await queue.sweep()
        assert connection.execute(EMPTY).fetchone() == (True,)


async def test_a_run_nobody_could_be_told_of_is_left_to_the_recovery(
    queue: SyncQueue, database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER SCHEMA procrastinate RENAME TO gone")
        with capture_logs() as lines:
            await queue.enqueue(CONNECTION, SYNC)
        connection.execute("ALTER SCHEMA gone RENAME TO procrastinate")
    assert [line["event"] for line in lines] == ["run_waits_for_recovery"]
    assert await queue.waiting() == set()


async def test_the_worker_outlives_its_connections(queue: SyncQueue, database_url: str) -> None:
    taken = asyncio.Queue[UUID]()

    async def run(command: RunSync) -> None:
        await taken.put(command.connection_id)

    async with working(queue, run):
        for _ in range(2):
            await queue.enqueue(CONNECTION, uuid4())
            assert await asyncio.wait_for(taken.get(), 20) == CONNECTION
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute(
                    """
                    SELECT pg_terminate_backend(pid)
                      FROM pg_stat_activity
                     WHERE datname = current_database()
                       AND pid <> pg_backend_pid()
                     ORDER BY pid
                    """
                )
