"""Jobs for all free places are fetched at once, as they would be one by one, and end together."""

import asyncio
from random import Random
from uuid import UUID, uuid4

import psycopg
import pytest
from procrastinate.jobs import Job, Status

from application.run_sync import RunSync
from infrastructure.queue.fair_fetch import fetch_fairly
from infrastructure.queue.sync_queue import SYNC_QUEUE, SyncJob, SyncQueue
from tests.deadlines import scaled
from tests.infrastructure.queue.running_worker import CONNECTION, ORIGIN, running_worker

COUNT_JOBS = """
SELECT count(*) FILTER (WHERE status = 'todo'), count(*) FILTER (WHERE status = 'doing')
  FROM procrastinate_jobs
"""
REQUEUE_ALL = """
UPDATE procrastinate_jobs SET status = 'todo', worker_id = NULL
"""


def connect(url: str) -> psycopg.Connection[tuple[int, ...]]:
    """Connect to the schema of the queue."""
    return psycopg.connect(url, options="-c search_path=procrastinate")


def count_jobs(url: str) -> tuple[int, int]:
    """Return the number of waiting jobs, and of those in progress."""
    with connect(url) as connection:
        row = connection.execute(COUNT_JOBS).fetchone()
    assert row
    return row[0], row[1]


def random_jobs(random: Random) -> list[SyncJob]:
    """Return jobs of few people at few hosts, so that most exclude others."""
    people = [uuid4() for _ in range(6)]
    return [
        SyncJob(
            UUID(int=random.getrandbits(128)),
            f"https://{random.randrange(3)}.example",
            urgent=random.random() < 0.3,
            person_id=random.choice([None, *people]),
        )
        for _ in range(40)
    ]


async def fetch_all(queue: SyncQueue, worker: int, places: int) -> list[int | None]:
    """Fetch until no job may start or no place is free; return the jobs in their order."""
    queue.job_manager.places = places
    jobs = list[Job]()
    while len(jobs) < places and (job := await queue.job_manager.fetch_job([SYNC_QUEUE], worker)):
        jobs.append(job)
    ids = [job.id for job in jobs]
    queue.job_manager._forget(ids)
    return ids


@pytest.mark.parametrize("seed", range(4))
async def test_fetching_at_once_is_fetching_one_by_one(
    queue: SyncQueue, database_url: str, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    random = Random(seed)
    worker = await queue.job_manager.register_worker()
    await queue.enqueue_many(random_jobs(random))
    places = random.choice([4, 8, 16])
    together = await fetch_all(queue, worker, places)
    with connect(database_url) as connection:
        connection.execute(REQUEUE_ALL)

    async def fetch_one(*args: object, **kwargs: object) -> list[Job]:
        return await fetch_fairly(*args, **kwargs | {"places": 1})  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr("infrastructure.queue.job_manager.fetch_fairly", fetch_one)
    assert await fetch_all(queue, worker, places) == together
    assert len(together) >= 2


async def test_jobs_that_were_not_started_return_to_the_queue(
    queue: SyncQueue, database_url: str
) -> None:
    worker = await queue.job_manager.register_worker()
    jobs = [SyncJob(UUID(int=n), f"https://{n}.example", False, uuid4()) for n in range(6)]
    await queue.enqueue_many(jobs)
    queue.job_manager.places = 4
    started = await queue.job_manager.fetch_job([SYNC_QUEUE], worker)
    assert started
    assert count_jobs(database_url) == (2, 4)
    await queue.enqueue_many(jobs[1:2])
    await queue.job_manager.return_unstarted()
    assert count_jobs(database_url) == (5, 1), "one was added again meanwhile"
    assert await queue.waiting_connections() == {job.connection_id for job in jobs[1:]}
    await queue.job_manager.return_unstarted()
    assert count_jobs(database_url) == (5, 1)


async def test_a_stopping_worker_starts_no_job_and_keeps_none(
    queue: SyncQueue, database_url: str
) -> None:
    """It is stopped while the first of several fetched jobs starts."""
    started = asyncio.Event()

    async def run(_: RunSync) -> None:
        started.set()

    jobs = [SyncJob(uuid4(), f"https://{n}.example", False, uuid4()) for n in range(4)]
    await queue.enqueue_many(jobs)
    async with running_worker(queue, run):
        await asyncio.wait_for(started.wait(), scaled(10))
    waiting, in_progress = count_jobs(database_url)
    assert in_progress == 0
    assert waiting + len(queue.job_manager._received_job_ids) <= 4


async def test_jobs_that_end_together_are_deleted_together(
    queue: SyncQueue, database_url: str
) -> None:
    worker = await queue.job_manager.register_worker()
    await queue.enqueue_many(
        [SyncJob(uuid4(), f"https://{n}.example", False, uuid4()) for n in range(5)]
    )
    queue.job_manager.places = 8
    fetched = [await queue.job_manager.fetch_job([SYNC_QUEUE], worker) for _ in range(5)]
    jobs = [job for job in fetched if job]
    assert len(jobs) == 5
    with connect(database_url) as connection:
        connection.execute("DELETE FROM procrastinate_jobs WHERE id = %s", [jobs[2].id])
    finished = 0

    def count() -> None:
        nonlocal finished
        finished += 1

    queue.job_manager.on_finish = count
    endings = [queue.job_manager.finish_job(job, Status.SUCCEEDED, delete_job=True) for job in jobs]
    await asyncio.gather(*endings)
    assert (finished, count_jobs(database_url)) == (5, (0, 0))


async def test_an_idle_worker_notices_a_job_without_a_notification(
    queue: SyncQueue, database_url: str
) -> None:
    started = asyncio.Queue[UUID]()

    async def run(command: RunSync) -> None:
        await started.put(command.connection_id)

    async with running_worker(queue, run):
        await asyncio.sleep(0.7)
        with connect(database_url) as connection:
            connection.execute(
                """
                ALTER TABLE procrastinate_jobs
                    DISABLE TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1
                """
            )
        await queue.enqueue(CONNECTION, ORIGIN)
        assert await asyncio.wait_for(started.get(), scaled(5)) == CONNECTION
