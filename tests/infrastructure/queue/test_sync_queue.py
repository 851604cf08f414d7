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

from application.event_metadata import current_metadata
from application.requeue_sync import RequeueSync
from application.run_sync import RunSync
from infrastructure.queue.database_schema import apply_migrations
from infrastructure.queue.sync_queue import BufferedQueue, SyncQueue, open_sync_queue
from infrastructure.queue.worker import ExecuteRunSync, SyncWorker

CONNECTION = UUID("00000000-0000-4000-8000-000000000001")
ORIGIN = "https://canvas.example"


@pytest.fixture
async def queue(database_url: str) -> AsyncIterator[SyncQueue]:
    apply_migrations(database_url)
    async with open_sync_queue(database_url) as queue:
        yield queue


@asynccontextmanager
async def running_worker(
    queue: SyncQueue, run_sync: ExecuteRunSync, grace_seconds: float = 5
) -> AsyncIterator[list[RequeueSync]]:
    """A worker beside the test, and what it gave back."""
    requeued: list[RequeueSync] = []

    async def requeue_sync(command: RequeueSync) -> None:
        requeued.append(command)

    worker = SyncWorker(queue, run_sync, requeue_sync, concurrency=4)
    task = asyncio.create_task(worker.run(grace_seconds=grace_seconds))
    try:
        yield requeued
    finally:
        task.cancel()
        await asyncio.wait({task})


async def wait_until(condition: str, url: str) -> None:
    async with (
        asyncio.timeout(10),
        await psycopg.AsyncConnection.connect(url, autocommit=True) as connection,
    ):
        while True:
            if await (await connection.execute(condition)).fetchone() == (True,):
                return
            await asyncio.sleep(0.01)


HAS_NO_JOBS = """
    SELECT NOT EXISTS (SELECT FROM procrastinate.procrastinate_jobs WHERE task_name = 'run_sync')
"""


async def test_a_queued_run_is_executed(queue: SyncQueue, database_url: str) -> None:
    started_runs = asyncio.Queue[tuple[RunSync, str]]()

    async def run(command: RunSync) -> None:
        assert await queue.worker_status(command.worker) == "alive"
        await started_runs.put((command, current_metadata().actor))

    async with running_worker(queue, run):
        await queue.enqueue(CONNECTION, ORIGIN)
        command, actor = await asyncio.wait_for(started_runs.get(), 10)
        await wait_until(HAS_NO_JOBS, database_url)
    assert command.connection_id == CONNECTION
    assert actor == "worker"
    assert await queue.worker_status(command.worker) == "lost"


async def test_enqueueing_a_run_twice_creates_one_job(queue: SyncQueue) -> None:
    await queue.enqueue(CONNECTION, ORIGIN)
    await queue.enqueue(CONNECTION, ORIGIN)
    assert await queue.waiting_connections() == {CONNECTION}
    started_runs = asyncio.Queue[UUID]()

    async def run(command: RunSync) -> None:
        await started_runs.put(command.connection_id)

    async with running_worker(queue, run):
        assert await asyncio.wait_for(started_runs.get(), 10) == CONNECTION
        other = uuid4()
        await queue.enqueue(other, ORIGIN)
        assert await asyncio.wait_for(started_runs.get(), 10) == other
    assert started_runs.empty()


async def test_a_crashed_run_is_logged_once_and_requeued_and_the_worker_continues(
    queue: SyncQueue, database_url: str
) -> None:
    async def run(_: RunSync) -> None:
        raise RuntimeError("out of coffee")

    with capture_logs() as lines:
        async with running_worker(queue, run) as requeued:
            for _ in range(2):
                await queue.enqueue(CONNECTION, ORIGIN)
                await wait_until(HAS_NO_JOBS, database_url)
    assert [line["event"] for line in lines] == ["run_crashed", "run_crashed"]
    assert [command.reason for command in requeued] == ["broke_off", "broke_off"]


async def test_a_stopping_worker_waits_for_its_run(queue: SyncQueue) -> None:
    has_started, has_ended = asyncio.Event(), asyncio.Event()

    async def run(_: RunSync) -> None:
        has_started.set()
        await asyncio.sleep(0.2)
        has_ended.set()

    async with running_worker(queue, run):
        await queue.enqueue(CONNECTION, ORIGIN)
        await asyncio.wait_for(has_started.wait(), 10)
    assert has_ended.is_set()


async def test_a_stopping_worker_requeues_runs_that_do_not_end(
    queue: SyncQueue, database_url: str
) -> None:
    has_started, was_cancelled = asyncio.Event(), asyncio.Event()

    async def run(_: RunSync) -> None:
        has_started.set()
        try:
            await asyncio.Event().wait()
        finally:
            was_cancelled.set()

    async with asyncio.timeout(10), running_worker(queue, run, grace_seconds=0.1) as requeued:
        await queue.enqueue(CONNECTION, ORIGIN)
        await has_started.wait()
    assert was_cancelled.is_set()
    await wait_until(HAS_NO_JOBS, database_url)
    assert [(command.connection_id, command.reason) for command in requeued] == [
        (CONNECTION, "stopped")
    ]


async def test_a_killed_worker_is_dead_and_its_job_is_deleted(
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
        assert await queue.worker_status(name) == "alive"
        assert await queue.waiting_connections() == set()
    finally:
        child.kill()
        await child.wait()
    assert await queue.worker_status(name) == "gone"
    with psycopg.connect(database_url, autocommit=True) as connection:
        await queue.delete_stalled()
        assert connection.execute(HAS_NO_JOBS).fetchone() == (False,), "it may just be slow"
        connection.execute(
            "UPDATE procrastinate.procrastinate_workers SET last_heartbeat = now() - INTERVAL '11s'"
        )
        await queue.delete_stalled()
        assert connection.execute(HAS_NO_JOBS).fetchone() == (True,)


async def test_a_run_that_cannot_be_enqueued_is_left_to_the_recovery(
    queue: SyncQueue, database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER SCHEMA procrastinate RENAME TO renamed_schema")
        with capture_logs() as lines:
            await queue.enqueue(CONNECTION, ORIGIN)
        connection.execute("ALTER SCHEMA renamed_schema RENAME TO procrastinate")
    assert [line["event"] for line in lines] == ["runs_wait_for_recovery"]
    assert await queue.waiting_connections() == set()


async def test_the_worker_survives_lost_connections(queue: SyncQueue, database_url: str) -> None:
    started_runs = asyncio.Queue[UUID]()

    async def run(command: RunSync) -> None:
        await started_runs.put(command.connection_id)

    async with running_worker(queue, run):
        for _ in range(2):
            await queue.enqueue(CONNECTION, ORIGIN)
            assert await asyncio.wait_for(started_runs.get(), 20) == CONNECTION
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


async def test_an_orphan_job_of_a_lost_fetch_response_frees_its_lane(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch, is_lost, started_runs = JobManager.fetch_job, asyncio.Event(), asyncio.Queue[UUID]()

    async def fetch_and_lose_response(
        manager: JobManager, queues: Iterable[str] | None, worker_id: int
    ) -> Job | None:
        job = await fetch(manager, queues, worker_id)
        if job and not is_lost.is_set():
            is_lost.set()
            raise ConnectorException from psycopg.OperationalError("the response was lost")
        return job

    async def run(command: RunSync) -> None:
        await started_runs.put(command.connection_id)

    monkeypatch.setattr(JobManager, "fetch_job", fetch_and_lose_response)
    apply_migrations(database_url)
    async with open_sync_queue(database_url, lanes=1) as queue, asyncio.timeout(20):
        await queue.enqueue(CONNECTION, ORIGIN)
        async with running_worker(queue, run):
            await is_lost.wait()
            other = uuid4()
            await queue.enqueue(other, ORIGIN)
            assert await started_runs.get() == other
            await wait_until(HAS_NO_JOBS, database_url)


async def test_a_hanging_host_uses_only_its_own_lanes(database_url: str) -> None:
    apply_migrations(database_url)
    host_responds, started_runs = asyncio.Event(), asyncio.Queue[UUID]()
    slow = {uuid4() for _ in range(12)}

    async def run(command: RunSync) -> None:
        await started_runs.put(command.connection_id)
        if command.connection_id in slow:
            await host_responds.wait()

    async with open_sync_queue(database_url, lanes=2) as queue, asyncio.timeout(30):
        for connection in slow:
            await queue.enqueue(connection, "https://hangs.example", urgent=True)
        async with running_worker(queue, run):
            assert {await started_runs.get(), await started_runs.get()} <= slow
            quick = [uuid4() for _ in range(6)]
            for connection in quick:
                await queue.enqueue(connection, ORIGIN)
            assert {await started_runs.get() for _ in quick} == set(quick)
            host_responds.set()
            for _ in range(10):
                assert await started_runs.get() in slow


async def test_a_batch_is_enqueued_together_and_without_duplicates(queue: SyncQueue) -> None:
    batch, connections = BufferedQueue(queue), [uuid4() for _ in range(5)]
    await queue.enqueue(connections[0], ORIGIN)
    for connection in connections:
        await batch.enqueue(connection, ORIGIN)
    assert (await queue.waiting_count(), await batch.flush()) == (1, 5)
    assert await queue.waiting_connections() == set(connections)
    assert (await queue.waiting_count(), await batch.flush()) == (5, 0)


async def test_a_run_can_be_enqueued_with_a_delay(queue: SyncQueue) -> None:
    await queue.enqueue(CONNECTION, ORIGIN, delay_seconds=1)
    assert (await queue.waiting_count(), await queue.waiting_connections()) == (0, {CONNECTION})
    started_runs = asyncio.Queue[UUID]()

    async def run(command: RunSync) -> None:
        await started_runs.put(command.connection_id)

    async with running_worker(queue, run):
        assert await asyncio.wait_for(started_runs.get(), 20) == CONNECTION


async def test_the_lane_of_a_dead_worker_is_released_for_one_connection(
    database_url: str,
) -> None:
    apply_migrations(database_url)
    started_runs, may_end = asyncio.Queue[UUID](), asyncio.Event()

    async def run(command: RunSync) -> None:
        await started_runs.put(command.connection_id)
        await may_end.wait()

    async with open_sync_queue(database_url, lanes=1) as queue, asyncio.timeout(20):
        await queue.enqueue(CONNECTION, ORIGIN)
        async with running_worker(queue, run):
            assert await started_runs.get() == CONNECTION
            other = uuid4()
            await queue.enqueue(other, ORIGIN)
            await queue.release(CONNECTION)
            assert await started_runs.get() == other
            may_end.set()
            await wait_until(HAS_NO_JOBS, database_url)
