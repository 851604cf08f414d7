"""The queue of the simulation beside procrastinate's own, on a real PostgreSQL."""

from random import Random
from uuid import UUID

import pytest
from procrastinate.jobs import Job, Status

from infrastructure.queue.database_schema import bring_up_to_date
from infrastructure.queue.sync_queue import QUEUE, Wish, lane, sync_queue
from tests.simulation.institutions import origin
from tests.simulation.lanes import Lane, Lanes

HOSTS, LANES = 3, 2


@pytest.mark.parametrize("seed", range(3))
async def test_jobs_are_taken_in_the_same_order(database_url: str, seed: int) -> None:
    bring_up_to_date(database_url)
    chance, ours = Random(seed), Lanes()
    under_way: list[tuple[Lane, Job]] = []
    async with sync_queue(database_url, lanes=LANES) as theirs:
        worker = await theirs.table.register_worker()
        waiting = 0
        for step in range(120):
            if chance.random() < 0.45:
                id, host, urgent = UUID(int=step), chance.randrange(HOSTS), chance.random() < 0.2
                ours.add(step, lane(origin(host), id, LANES), host, urgent=urgent)
                await theirs.enqueue_many([Wish(id, origin(host), urgent)])
                waiting += 1
            elif chance.random() < 0.6:
                taken, job = ours.take(), await theirs.table.fetch_job([QUEUE], worker)
                assert (taken is None) == (job is None)
                if taken and job:
                    assert UUID(str(job.task_kwargs["connection_id"])) == UUID(int=taken[0])
                    under_way.append((taken[1], job))
                    waiting -= 1
            elif under_way:
                mine, job = under_way.pop(chance.randrange(len(under_way)))
                ours.free(mine)
                await theirs.table.finish_job(job, Status.SUCCEEDED, delete_job=True)
            assert ours.waiting_at.total() == waiting
        assert {origin(host): many for host, many in ours.waiting_at.items()} == (
            await theirs.waiting_at()
        )
