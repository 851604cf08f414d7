import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from structlog.testing import capture_logs

from application.event_metadata import now_acting
from application.requeue_sync import GiveRunBack
from application.run_sync import RunSync
from infrastructure.queue.database_schema import bring_up_to_date
from infrastructure.queue.sync_queue import Batch, SyncQueue, sync_queue
from infrastructure.queue.worker import RunsSync, Working

CONNECTION = UUID("00000000-0000-4000-8000-000000000001")
ORIGIN = "https://canvas.example"


@pytest.fixture
async def queue(database_url: str) -> AsyncIterator[SyncQueue]:
    bring_up_to_date(database_url)
    async with sync_queue(database_url) as queue:
        yield queue


@asynccontextmanager
async def working(
    queue: SyncQueue, run_sync: RunsSync, grace: float = 5
) -> AsyncIterator[list[GiveRunBack]]:
    """A worker beside the test, and what it gave back."""
    given_back: list[GiveRunBack] = []

    async def give_back(command: GiveRunBack) -> None:
        given_back.append(command)

    working = Working(queue, run_sync, give_back, concurrency=4)
    worker = asyncio.create_task(working.work(grace=grace))
    try:
        yield given_back
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
    taken = asyncio.Queue[tuple[RunSync, str]]()

    async def run(command: RunSync) -> None:
        assert await queue.fate(command.worker) == "alive"
        await taken.put((command, now_acting().actor))

    async with working(queue, run):
        await queue.enqueue(CONNECTION, ORIGIN)
        command, actor = await asyncio.wait_for(taken.get(), 10)
        await until(EMPTY, database_url)
    assert command.connection_id == CONNECTION
    assert actor == "worker"
    assert await queue.fate(command.worker) == "lost"


async def test_the_same_run_twice_is_one_job(queue: SyncQueue) -> None:
    await queue.enqueue(CONNECTION, ORIGIN)
    await queue.enqueue(CONNECTION, ORIGIN)
    assert await queue.waiting() == {CONNECTION}
    taken = asyncio.Queue[UUID]()

    async def run(command: RunSync) -> None:
        await taken.put(command.connection_id)

    async with working(queue, run):
        assert await asyncio.wait_for(taken.get(), 10) == CONNECTION
        other = uuid4()
        await queue.enqueue(other, ORIGIN)
        assert await asyncio.wait_for(taken.get(), 10) == other
    assert taken.empty()


async def test_a_run_that_breaks_off_is_logged_once_given_back_and_the_worker_goes_on(
    queue: SyncQueue, database_url: str
) -> None:
    async def run(_: RunSync) -> None:
        raise RuntimeError("out of coffee")

    with capture_logs() as lines:
        async with working(queue, run) as given_back:
            for _ in range(2):
                await queue.enqueue(CONNECTION, ORIGIN)
                await until(EMPTY, database_url)
    assert [line["event"] for line in lines] == ["run_broke_off", "run_broke_off"]
    assert [command.reason for command in given_back] == ["broke_off", "broke_off"]


async def test_a_stopping_worker_lets_its_run_end(queue: SyncQueue) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def run(_: RunSync) -> None:
        begun.set()
        await asyncio.sleep(0.2)
        ended.set()

    async with working(queue, run):
        await queue.enqueue(CONNECTION, ORIGIN)
        await asyncio.wait_for(begun.wait(), 10)
    assert ended.is_set()


async def test_a_stopping_worker_gives_back_what_does_not_end(
    queue: SyncQueue, database_url: str
) -> None:
    begun, cut_off = asyncio.Event(), asyncio.Event()

    async def run(_: RunSync) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cut_off.set()

    async with asyncio.timeout(10), working(queue, run, grace=0.1) as given_back:
        await queue.enqueue(CONNECTION, ORIGIN)
        await begun.wait()
    assert cut_off.is_set()
    await until(EMPTY, database_url)
    assert [(command.connection_id, command.reason) for command in given_back] == [
        (CONNECTION, "stopped")
    ]


async def test_a_killed_worker_is_dead_and_its_job_swept_away(
    queue: SyncQueue, database_url: str
) -> None:
    script = Path(__file__).with_name("worker_process.py")
    child = await asyncio.create_subprocess_exec(
        sys.executable, script, database_url, stdout=PIPE, env={"PYTHONPATH": str(Path.cwd())}
    )
    try:
        await queue.enqueue(CONNECTION, ORIGIN)
        assert child.stdout
        name = (await child.stdout.readline()).decode().strip()
        assert await queue.fate(name) == "alive"
        assert await queue.waiting() == set()
    finally:
        child.kill()
        await child.wait()
    assert await queue.fate(name) == "gone"
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
            await queue.enqueue(CONNECTION, ORIGIN)
        connection.execute("ALTER SCHEMA gone RENAME TO procrastinate")
    assert [line["event"] for line in lines] == ["runs_wait_for_recovery"]
    assert await queue.waiting() == set()


async def test_the_worker_outlives_its_connections(queue: SyncQueue, database_url: str) -> None:
    taken = asyncio.Queue[UUID]()

    async def run(command: RunSync) -> None:
        await taken.put(command.connection_id)

    async with working(queue, run):
        for _ in range(2):
            await queue.enqueue(CONNECTION, ORIGIN)
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


async def test_a_job_of_which_the_worker_never_heard_frees_its_lane(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch, lost, taken = JobManager.fetch_job, asyncio.Event(), asyncio.Queue[UUID]()

    async def lose(manager: JobManager, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        job = await fetch(manager, queues, worker_id)
        if job and not lost.is_set():
            lost.set()
            raise ConnectorException from psycopg.OperationalError("the answer was lost")
        return job

    async def run(command: RunSync) -> None:
        await taken.put(command.connection_id)

    monkeypatch.setattr(JobManager, "fetch_job", lose)
    bring_up_to_date(database_url)
    async with sync_queue(database_url, lanes=1) as queue, asyncio.timeout(20):
        await queue.enqueue(CONNECTION, ORIGIN)
        async with working(queue, run):
            await lost.wait()
            other = uuid4()
            await queue.enqueue(other, ORIGIN)
            assert await taken.get() == other
            await until(EMPTY, database_url)


async def test_a_host_that_hangs_holds_its_own_lanes_and_nobody_elses(database_url: str) -> None:
    bring_up_to_date(database_url)
    hanging, taken = asyncio.Event(), asyncio.Queue[UUID]()
    slow = {uuid4() for _ in range(12)}

    async def run(command: RunSync) -> None:
        await taken.put(command.connection_id)
        if command.connection_id in slow:
            await hanging.wait()

    async with sync_queue(database_url, lanes=2) as queue, asyncio.timeout(30):
        for connection in slow:
            await queue.enqueue(connection, "https://hangs.example", urgent=True)
        async with working(queue, run):
            assert {await taken.get(), await taken.get()} <= slow
            quick = [uuid4() for _ in range(6)]
            for connection in quick:
                await queue.enqueue(connection, ORIGIN)
            assert {await taken.get() for _ in quick} == set(quick)
            hanging.set()
            for _ in range(10):
                assert await taken.get() in slow


async def test_a_batch_is_enqueued_together_and_twice_is_once(queue: SyncQueue) -> None:
    batch, connections = Batch(queue), [uuid4() for _ in range(5)]
    await queue.enqueue(connections[0], ORIGIN)
    for connection in connections:
        await batch.enqueue(connection, ORIGIN)
    assert (await queue.length(), await batch.flush()) == (1, 5)
    assert await queue.waiting() == set(connections)
    assert (await queue.length(), await batch.flush()) == (5, 0)


async def test_a_run_may_wait_before_it_is_enqueued(queue: SyncQueue) -> None:
    await queue.enqueue(CONNECTION, ORIGIN, after=1)
    assert (await queue.length(), await queue.waiting()) == (0, {CONNECTION})
    taken = asyncio.Queue[UUID]()

    async def run(command: RunSync) -> None:
        await taken.put(command.connection_id)

    async with working(queue, run):
        assert await asyncio.wait_for(taken.get(), 20) == CONNECTION


async def test_what_a_dead_worker_held_is_freed_for_one_connection(
    database_url: str,
) -> None:
    bring_up_to_date(database_url)
    taken, over = asyncio.Queue[UUID](), asyncio.Event()

    async def run(command: RunSync) -> None:
        await taken.put(command.connection_id)
        await over.wait()

    async with sync_queue(database_url, lanes=1) as queue, asyncio.timeout(20):
        await queue.enqueue(CONNECTION, ORIGIN)
        async with working(queue, run):
            assert await taken.get() == CONNECTION
            other = uuid4()
            await queue.enqueue(other, ORIGIN)
            await queue.forget(CONNECTION)
            assert await taken.get() == other
            over.set()
            await until(EMPTY, database_url)
