"""Chooses the jobs that a worker executes next, so that no person and no host holds all places.

It replaces `procrastinate_fetch_job_v2` of procrastinate, which knows only locks. A job that is
skipped here does not hold up the jobs behind it in the same lane.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from procrastinate.jobs import Job
from procrastinate.psycopg_connector import wrap_exceptions
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

RUNS_PER_PERSON = 2
"""Runs of one person in progress at most, over all workers."""

LOCK_FETCHES: LiteralString = "SELECT pg_advisory_xact_lock(1161905989, 6)"
"""One worker at a time chooses, so that two do not count the runs of a person at the same time.

The lock is taken by a statement of its own: the next statement then sees what the last holder did.
"""

SELECT_CANDIDATES: LiteralString = """
WITH doing AS (
    SELECT split_part(queueing_lock, '/', 2) AS person_id, count(*) AS runs
      FROM procrastinate_jobs
     WHERE status = 'doing'
       AND queueing_lock LIKE '%%/_%%'
     GROUP BY 1
)
SELECT jobs.id, jobs.lock, split_part(jobs.queueing_lock, '/', 2),
       (SELECT runs FROM doing WHERE doing.person_id = split_part(jobs.queueing_lock, '/', 2))
  FROM procrastinate_jobs AS jobs
 WHERE jobs.status = 'todo'
   AND (%(queues)s::varchar[] IS NULL OR jobs.queue_name = ANY(%(queues)s::varchar[]))
   AND (jobs.scheduled_at IS NULL OR jobs.scheduled_at <= now())
   AND (
           jobs.lock IS NULL
        OR regexp_replace(jobs.lock, '/[0-9]+$', '') <> ALL(%(skipped_origins)s::text[])
       )
   AND NOT EXISTS (
           SELECT
             FROM doing
            WHERE doing.person_id = split_part(jobs.queueing_lock, '/', 2)
              AND doing.runs >= %(runs_per_person)s
       )
   AND NOT EXISTS (
           SELECT
             FROM procrastinate_jobs AS running
            WHERE running.lock = jobs.lock
              AND running.status = 'doing'
       )
 ORDER BY jobs.priority DESC, jobs.id
 LIMIT %(limit)s
"""
"""Jobs in the order of priority and age: of people with a free place, in free lanes."""

START_JOBS: LiteralString = """
UPDATE procrastinate_jobs AS jobs
   SET status = 'doing',
       worker_id = %(worker_id)s
 WHERE jobs.id = ANY(%(ids)s)
   AND jobs.status = 'todo'
RETURNING jobs.id, jobs.status, jobs.task_name, jobs.priority, jobs.lock, jobs.queueing_lock,
          jobs.args, jobs.scheduled_at, jobs.queue_name, jobs.attempts, jobs.worker_id
"""

CANDIDATES_PER_PLACE = 4
"""Jobs that are looked at for each free place; if too few of them may start, the rest is next."""

LANE_NUMBER = re.compile(r"/[0-9]+$")
"""The end of the name of a lane, after the origin."""

SkippedOrigins = Callable[[Sequence[str]], set[str]]
"""Returns the hosts at which no further run may start, besides those that start now."""


class Candidate(NamedTuple):
    """A job that may start, and the number of runs of its person that are in progress."""

    id: int
    lock: str | None
    person_id: str
    runs: int | None


def origin_of_lane(lane: str) -> str:
    """Return the origin of the Canvas host to which a lane belongs."""
    return LANE_NUMBER.sub("", lane)


def queueing_lock(connection_id: UUID, person_id: UUID | None) -> str:
    """Return the lock that allows one waiting job for a connection; it also names the person.

    The arguments of a job cannot name them: workers of earlier releases refuse new arguments.
    """
    return f"{connection_id}/{person_id or ''}"


def person_of_job(job: Job) -> UUID | None:
    """Return the person whose run a job is for; None if it is of an earlier release."""
    person_id = (job.queueing_lock or "").split("/")[1:2]
    try:
        return UUID(person_id[0]) if person_id else None
    except ValueError:
        return None


async def fetch_fairly(
    pool: AsyncConnectionPool[Any],
    queues: Sequence[str] | None,
    worker_id: int,
    *,
    places: int = 1,
    skipped_origins: SkippedOrigins = lambda _: set(),
) -> list[Job]:
    """Assign the next jobs to a worker, for so many places at most, and return them in order.

    They are those that would be assigned one after the other. Jobs of an earlier release name no
    person; only lanes limit them.

    Raises: UniqueViolation of procrastinate if a worker of an earlier release took the same lane
    first; ConnectorException if the database is not available.
    """
    values = {
        "queues": queues and list(queues),
        "skipped_origins": list(skipped_origins([])),
        "runs_per_person": RUNS_PER_PERSON,
        "limit": places if places == 1 else places * CANDIDATES_PER_PLACE,
    }
    async with (
        wrap_exceptions(),
        pool.connection() as connection,
        connection.pipeline(),
        connection.transaction(),
    ):
        await connection.execute(LOCK_FETCHES)
        cursor = await connection.execute(SELECT_CANDIDATES, values)
        candidates = [Candidate(*row) for row in await cursor.fetchall()]
        ids = _choose(candidates, places, skipped_origins)
        if not ids:
            return []
        start = connection.cursor(row_factory=dict_row)
        await start.execute(START_JOBS, {"ids": ids, "worker_id": worker_id})
        rows = {row["id"]: row for row in await start.fetchall()}
    return [Job.from_row(rows[id_]) for id_ in ids if id_ in rows]


def _choose(
    candidates: Sequence[Candidate], places: int, skipped_origins: SkippedOrigins
) -> list[int]:
    """Return the jobs that may start together, in order."""
    ids, lanes, runs = list[int](), list[str](), Counter[str]()
    skipped = skipped_origins([])
    for job in candidates:
        if len(ids) == places:
            break
        is_busy = (job.runs or 0) + runs[job.person_id] >= RUNS_PER_PERSON
        if job.person_id and is_busy:
            continue
        if job.lock is not None:
            if job.lock in lanes or origin_of_lane(job.lock) in skipped:
                continue
            lanes.append(job.lock)
            skipped = skipped_origins([origin_of_lane(lane) for lane in lanes])
        ids.append(job.id)
        runs[job.person_id] += 1
    return ids
