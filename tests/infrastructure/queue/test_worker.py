import asyncio
import sys
from asyncio.subprocess import PIPE
from contextlib import suppress
from itertools import chain, repeat
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from structlog.testing import capture_logs

from application.event_metadata import current_metadata
from application.run_sync import RunSync
from infrastructure.queue.sync_queue import SYNC_QUEUE, SyncQueue
from tests.deadlines import scaled
from tests.infrastructure.queue.running_worker import (
    CONNECTION,
    HAS_NO_JOBS,
    ORIGIN,
    running_worker,
    wait_until,
)


async def test_a_queued_run_is_executed(queue: SyncQueue, database_url: str) -> None:
    started_runs = asyncio.Queue[tuple[RunSync, str]]()

    async def run(command: RunSync) -> None:
        assert await queue.worker_status(command.worker) == "alive"
        await started_runs.put((command, current_metadata().actor))

    async with running_worker(queue, run):
        await queue.enqueue(CONNECTION, ORIGIN)
        command, actor = await asyncio.wait_for(started_runs.get(), scaled(10))
        await wait_until(HAS_NO_JOBS, database_url)
    assert command.connection_id == CONNECTION
    assert actor == "worker"
    assert await queue.worker_status(command.worker) == "lost"


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
        await asyncio.wait_for(has_started.wait(), scaled(10))
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

    async with (
        asyncio.timeout(scaled(10)),
        running_worker(queue, run, grace_seconds=0.1) as requeued,
    ):
        await queue.enqueue(CONNECTION, ORIGIN)
        await has_started.wait()
    assert was_cancelled.is_set()
    await wait_until(HAS_NO_JOBS, database_url)
    assert [(command.connection_id, command.reason) for command in requeued] == [
        (CONNECTION, "stopped")
    ]


@pytest.mark.process
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
        assert connection.execute(HAS_NO_JOBS).fetchone() == (False,), (
            "its heartbeat is still recent"
        )
        connection.execute(
            "UPDATE procrastinate.procrastinate_workers SET last_heartbeat = now() - INTERVAL '11s'"
        )
        await queue.delete_stalled()
        assert connection.execute(HAS_NO_JOBS).fetchone() == (True,)


async def test_a_job_that_was_added_while_no_worker_ran_is_found_at_once(
    queue: SyncQueue, database_url: str
) -> None:
    async def run(_: RunSync) -> None: ...

    async with running_worker(queue, run):
        await queue.enqueue(CONNECTION, ORIGIN)
        await wait_until(HAS_NO_JOBS, database_url)
        await asyncio.sleep(0.2)  # the worker asks for more, and finds that no job waits
    await queue.enqueue(CONNECTION, ORIGIN)
    worker = await queue.job_manager.register_worker()
    assert await queue.job_manager.fetch_job([SYNC_QUEUE], worker)


async def test_a_job_is_added_although_its_connection_breaks(
    queue: SyncQueue, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await queue.waiting_connections()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            """
            SELECT pg_terminate_backend(pid, 5000)
              FROM pg_stat_activity
             WHERE datname = current_database()
               AND pid <> pg_backend_pid()
             ORDER BY pid
            """
        )
    is_seen = chain([False], repeat(True))
    monkeypatch.setattr(
        "infrastructure.postgres.session_replacement.has_input", lambda _: next(is_seen)
    )
    await queue.enqueue(CONNECTION, ORIGIN)
    assert await queue.waiting_connections() == {CONNECTION}


async def test_the_worker_survives_lost_connections(queue: SyncQueue, database_url: str) -> None:
    started_runs = asyncio.Queue[UUID]()

    async def run(command: RunSync) -> None:
        await started_runs.put(command.connection_id)

    async with running_worker(queue, run):
        for connection_id in (UUID(int=1), UUID(int=2)):
            await _enqueue_until_started(queue, connection_id, started_runs)
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


async def _enqueue_until_started(
    queue: SyncQueue, connection_id: UUID, started_runs: asyncio.Queue[UUID]
) -> None:
    """Add the job again each second, as the recovery does with one that a lost connection took."""
    started = None
    async with asyncio.timeout(scaled(20)):
        while started != connection_id:
            await queue.enqueue(connection_id, ORIGIN)
            with suppress(TimeoutError):
                started = await asyncio.wait_for(started_runs.get(), 1)
