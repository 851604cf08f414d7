"""The simulated queue compared with procrastinate on PostgreSQL."""

from random import Random
from uuid import UUID

import pytest
from procrastinate.jobs import Job, Status

from infrastructure.all_migrations import apply_migrations
from infrastructure.queue.sync_queue import SYNC_QUEUE, SyncJob, lane_name, open_sync_queue
from tests.simulation.institutions import origin_of
from tests.simulation.lanes import Lane, Lanes

HOSTS, LANES = 3, 2


@pytest.mark.parametrize("seed", range(3))
async def test_jobs_are_fetched_in_the_same_order(database_url: str, seed: int) -> None:
    apply_migrations(database_url)
    rng, simulated = Random(seed), Lanes()
    running: list[tuple[Lane, Job]] = []
    async with open_sync_queue(database_url, lanes=LANES) as queue:
        worker = await queue.job_manager.register_worker()
        waiting = 0
        for step in range(120):
            if rng.random() < 0.45:
                id, host, urgent = UUID(int=step), rng.randrange(HOSTS), rng.random() < 0.2
                simulated.add(step, lane_name(origin_of(host), id, LANES), host, urgent=urgent)
                await queue.enqueue_many([SyncJob(id, origin_of(host), urgent)])
                waiting += 1
            elif rng.random() < 0.6:
                taken, job = (
                    simulated.take(),
                    await queue.job_manager.fetch_job([SYNC_QUEUE], worker),
                )
                assert (taken is None) == (job is None)
                if taken and job:
                    assert UUID(str(job.task_kwargs["connection_id"])) == UUID(int=taken[0])
                    running.append((taken[1], job))
                    waiting -= 1
            elif running:
                lane, job = running.pop(rng.randrange(len(running)))
                simulated.free(lane)
                await queue.job_manager.finish_job(job, Status.SUCCEEDED, delete_job=True)
            assert simulated.waiting_at.total() == waiting
        assert {origin_of(host): count for host, count in simulated.waiting_at.items()} == (
            await queue.waiting_by_origin()
        )
