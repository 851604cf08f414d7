from typing import Any

from infrastructure.queue.retention import delete_old_jobs
from infrastructure.queue.sync_queue import SyncQueue

INSERT_JOB = """
WITH job AS (
    INSERT INTO procrastinate_jobs (queue_name, task_name, status)
    VALUES ('run_sync', 'run_sync', %s)
    RETURNING id
)
INSERT INTO procrastinate_events (job_id, type, at)
SELECT id, 'deferred', now() - make_interval(hours => %s) FROM job
"""


async def test_jobs_and_workers_of_the_past_are_deleted(queue: SyncQueue) -> None:
    async def select(statement: str) -> Any:
        async with queue.pool.connection() as connection:
            return await (await connection.execute(statement.encode())).fetchall()

    async with queue.pool.connection() as connection:
        # The triggers write an event of today for each change.
        await connection.execute("ALTER TABLE procrastinate_jobs DISABLE TRIGGER USER")
        for status in ("todo", "doing", "succeeded", "failed", "cancelled", "aborted"):
            for hours in (1, 30):
                await connection.execute(INSERT_JOB, [status, hours])
        await connection.execute(
            """
            INSERT INTO procrastinate_workers (last_heartbeat)
            VALUES (now()), (now() - interval '2 days')
            """
        )
    await delete_old_jobs(queue)
    rows = await select("SELECT status::text, count(*) FROM procrastinate_jobs GROUP BY 1")
    assert dict(rows) == {
        **dict.fromkeys(("todo", "doing"), 2),
        **dict.fromkeys(("succeeded", "failed", "cancelled", "aborted"), 1),
    }
    assert await select("SELECT count(*) FROM procrastinate_events") == [(8,)]
    assert await select("SELECT count(*) FROM procrastinate_workers") == [(1,)]
