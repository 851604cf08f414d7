import asyncio
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job
from structlog.testing import capture_logs

from application.run_sync import RunSync
from infrastructure.all_migrations import apply_migrations
from infrastructure.queue import job_manager
from infrastructure.queue.fair_fetch import fetch_fairly
from infrastructure.queue.sync_queue import BufferedQueue, SyncQueue, open_sync_queue
from tests.deadlines import scaled
from tests.infrastructure.postgres.refusals import refusal_of
from tests.infrastructure.queue.running_worker import (
    CONNECTION,
    HAS_NO_JOBS,
    ORIGIN,
    running_worker,
    wait_until,
)


async def test_enqueueing_a_run_twice_creates_one_job(queue: SyncQueue) -> None:
    await queue.enqueue(CONNECTION, ORIGIN)
    await queue.enqueue(CONNECTION, ORIGIN)
    assert await queue.waiting_connections() == {CONNECTION}
    started_runs = asyncio.Queue[UUID]()

    async def run(command: RunSync) -> None:
        await started_runs.put(command.connection_id)

    async with running_worker(queue, run):
        assert await asyncio.wait_for(started_runs.get(), scaled(10)) == CONNECTION
        other = uuid4()
        await queue.enqueue(other, ORIGIN)
        assert await asyncio.wait_for(started_runs.get(), scaled(10)) == other
    assert started_runs.empty()


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


async def test_an_orphan_job_of_a_lost_fetch_response_frees_its_lane(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_lost, started_runs = asyncio.Event(), asyncio.Queue[UUID]()

    async def fetch_and_lose_response(*args: Any, **options: Any) -> list[Job]:
        jobs = await fetch_fairly(*args, **options)
        if jobs and not is_lost.is_set():
            is_lost.set()
            raise ConnectorException from psycopg.OperationalError("the response was lost")
        return jobs

    async def run(command: RunSync) -> None:
        await started_runs.put(command.connection_id)

    monkeypatch.setattr(job_manager, "fetch_fairly", fetch_and_lose_response)
    apply_migrations(database_url)
    async with open_sync_queue(database_url, lanes=1) as queue, asyncio.timeout(scaled(20)):
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

    async with open_sync_queue(database_url, lanes=2) as queue, asyncio.timeout(scaled(30)):
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
        assert await asyncio.wait_for(started_runs.get(), scaled(20)) == CONNECTION


@pytest.mark.ordinary_waits
async def test_the_error_of_the_queue_has_the_reason_of_the_server(database_url: str) -> None:
    url = psycopg.conninfo.make_conninfo(database_url, user="renamed")
    async with open_sync_queue(url) as queue:
        assert 'role "renamed" does not exist' in str(await refusal_of(queue.pool))


async def test_the_lane_of_a_dead_worker_is_released_for_one_connection(
    database_url: str,
) -> None:
    apply_migrations(database_url)
    started_runs, may_end = asyncio.Queue[UUID](), asyncio.Event()

    async def run(command: RunSync) -> None:
        await started_runs.put(command.connection_id)
        await may_end.wait()

    async with open_sync_queue(database_url, lanes=1) as queue, asyncio.timeout(scaled(20)):
        await queue.enqueue(CONNECTION, ORIGIN)
        async with running_worker(queue, run):
            assert await started_runs.get() == CONNECTION
            other = uuid4()
            await queue.enqueue(other, ORIGIN)
            await queue.release(CONNECTION)
            assert await started_runs.get() == other
            may_end.set()
            await wait_until(HAS_NO_JOBS, database_url)
