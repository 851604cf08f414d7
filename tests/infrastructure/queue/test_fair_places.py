"""Tests that no person and no host holds all places of the workers."""

import asyncio
from collections import Counter
from uuid import UUID, uuid4

import pytest
from procrastinate.jobs import Job, Status

from application.run_sync import RunSync
from domain.sync_admission import RunningSync, hosts_without_place
from infrastructure.all_migrations import apply_migrations
from infrastructure.queue.fair_fetch import RUNS_PER_PERSON, person_of_job
from infrastructure.queue.sync_queue import SYNC_QUEUE, SyncJob, SyncQueue, open_sync_queue
from infrastructure.queue.worker import SyncWorker
from tests.deadlines import scaled
from tests.infrastructure.queue.running_worker import CONNECTION, ORIGIN, running_worker

PERSON, OTHER = uuid4(), uuid4()
PLACES, LANES = 16, 8


async def fetch(queue: SyncQueue, worker: int) -> Job | None:
    return await queue.job_manager.fetch_job([SYNC_QUEUE], worker)


async def fetch_all(queue: SyncQueue, worker: int) -> list[Job]:
    jobs = []
    while job := await fetch(queue, worker):
        jobs.append(job)
    return jobs


async def test_a_person_has_few_runs_at_a_time_over_all_workers(queue: SyncQueue) -> None:
    workers = [await queue.job_manager.register_worker() for _ in range(4)]
    hosts = [f"https://{number}.example" for number in range(12)]
    await queue.enqueue_many([SyncJob(uuid4(), host, True, PERSON) for host in hosts])
    fetched = await asyncio.gather(*[fetch(queue, worker) for worker in workers * 3])
    running = [job for job in fetched if job]
    assert len(running) == RUNS_PER_PERSON
    assert {person_of_job(job) for job in running} == {PERSON}
    await queue.job_manager.finish_job(running[0], Status.SUCCEEDED, delete_job=True)
    assert len(await fetch_all(queue, workers[0])) == 1


async def test_a_run_that_must_wait_does_not_hold_up_others_in_its_lane(database_url: str) -> None:
    apply_migrations(database_url)
    async with open_sync_queue(database_url, lanes=1) as queue:
        worker = await queue.job_manager.register_worker()
        hosts = [*(f"https://{n}.example" for n in range(RUNS_PER_PERSON)), ORIGIN]
        await queue.enqueue_many([SyncJob(uuid4(), host, True, PERSON) for host in hosts])
        honest = uuid4()
        await queue.enqueue(honest, ORIGIN, person_id=OTHER)
        jobs = await fetch_all(queue, worker)
    assert [job.task_kwargs["connection_id"] for job in jobs[RUNS_PER_PERSON:]] == [str(honest)]


async def test_jobs_of_an_earlier_release_are_limited_by_lanes_only(queue: SyncQueue) -> None:
    worker = await queue.job_manager.register_worker()
    jobs = [SyncJob(UUID(int=n), "https://old.example", urgent=False) for n in range(LANES)]
    await queue.enqueue_many(jobs)
    assert len(await fetch_all(queue, worker)) == LANES


async def test_a_delayed_run_still_counts_for_its_person(queue: SyncQueue) -> None:
    started = asyncio.Queue[UUID]()

    async def run(command: RunSync) -> None:
        await started.put(command.connection_id)
        await asyncio.Event().wait()

    async with running_worker(queue, run, grace_seconds=0.1):
        for number in range(RUNS_PER_PERSON):
            await queue.enqueue(uuid4(), f"https://{number}.example", person_id=PERSON)
        await queue.enqueue(CONNECTION, ORIGIN, person_id=PERSON, delay_seconds=1)
        for _ in range(RUNS_PER_PERSON):
            await asyncio.wait_for(started.get(), scaled(10))
        await queue.enqueue(honest := uuid4(), ORIGIN, person_id=OTHER, delay_seconds=2)
        assert await asyncio.wait_for(started.get(), scaled(10)) == honest


async def run_hanging(queue: SyncQueue, jobs: list[SyncJob], expected: int) -> Counter[str]:
    """Start a worker whose runs never end; when as many are in progress, start one of OTHER.

    Return the number of runs in progress when that one has started, by host.
    """
    origins = {job.connection_id: job.origin for job in jobs}
    running: Counter[str] = Counter()
    is_full, honest_started = asyncio.Event(), asyncio.Event()

    async def hang(command: RunSync) -> None:
        if command.connection_id not in origins:
            honest_started.set()
            return
        running[origins[command.connection_id]] += 1
        if running.total() == expected:
            is_full.set()
        await asyncio.Event().wait()

    await queue.enqueue_many(jobs)
    worker = SyncWorker(queue, hang, ignore, concurrency=PLACES)
    task = asyncio.create_task(worker.run(grace_seconds=0.1))
    try:
        async with asyncio.timeout(scaled(10)):
            await is_full.wait()
            await queue.enqueue(uuid4(), "https://honest.example", person_id=OTHER, urgent=True)
            await honest_started.wait()
    finally:
        task.cancel()
        await asyncio.wait({task})
    return running


async def ignore(_: object) -> None:
    return


async def test_an_honest_run_starts_while_56_of_one_student_hang(queue: SyncQueue) -> None:
    hosts = [f"https://{number}.hangs.example" for number in range(28)] * 2
    jobs = [SyncJob(uuid4(), host, True, PERSON) for host in hosts]
    assert (await run_hanging(queue, jobs, RUNS_PER_PERSON)).total() == RUNS_PER_PERSON


@pytest.mark.parametrize("host_count", [1, 2, 4])
async def test_hosts_that_hang_leave_places_for_others(queue: SyncQueue, host_count: int) -> None:
    hosts = [f"https://{n % host_count}.hangs.example" for n in range(28 * host_count)]
    expected: list[RunningSync] = []
    for host in hosts:
        if host not in hosts_without_place(expected, PLACES, LANES):
            expected.append(RunningSync(host, 0))
    assert PLACES // 2 <= len(expected) < PLACES
    # The number of its connection puts each run of a host into another lane than the last one.
    jobs = [
        SyncJob(UUID(int=n // host_count + n % host_count * 8_000), host, True, uuid4())
        for n, host in enumerate(hosts)
    ]
    running = await run_hanging(queue, jobs, len(expected))
    assert running == Counter(run.origin for run in expected)
