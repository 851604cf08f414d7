"""Waiting until a cluster has no unfinished work, and what must then be true."""

import asyncio
from collections.abc import Callable
from random import Random

import aiohttp
import psycopg

from tests.deadlines import scaled
from tests.faults import invariants
from tests.faults.client_log import ClientLog
from tests.faults.cluster import Cluster
from tests.faults.history import History, read_history
from tests.faults.load import Student

QUIESCENCE_TIMEOUT_SECONDS = scaled(60.0)
"""How long unfinished work may take: the lease of a dead worker, its recovery, and the run."""

UNFINISHED_WORK_SQL = """
SELECT (SELECT count(*) FROM read.sync_standings WHERE live),
       (
           SELECT count(*)
             FROM easeboard.projections
            WHERE role = 'live'
              AND position < (SELECT coalesce(max(position), 0) FROM easeboard.events)
       )
"""


REMAINING_ROWS_SQL = """
SELECT to_jsonb(standings) AS left
  FROM read.sync_standings AS standings
 WHERE live
UNION ALL
SELECT to_jsonb(jobs)
  FROM procrastinate.procrastinate_jobs AS jobs
UNION ALL
SELECT to_jsonb(workers)
  FROM easeboard.workers AS workers
UNION ALL
SELECT to_jsonb(leases)
  FROM easeboard.leases AS leases
"""


def read_remaining_work(url: str) -> str:
    """List the unfinished runs, the jobs, the processes and the leases, one on each line."""
    try:
        with psycopg.connect(url) as connection:
            return "\n".join(str(row[0]) for row in connection.execute(REMAINING_ROWS_SQL))
    except psycopg.Error as error:
        return f"The database cannot be read: {error}"


async def wait_for_quiescence(cluster: Cluster) -> None:
    """Wait until no run is queued or running, and every read model has applied all events."""

    def find_unfinished() -> tuple[int, int] | None:
        try:
            with psycopg.connect(cluster.server.url) as connection:
                counts = connection.execute(UNFINISHED_WORK_SQL).fetchone()
        except psycopg.OperationalError:
            return (-1, -1)
        return None if counts == (0, 0) else counts

    await wait_until_none(find_unfinished)


async def wait_until_none(find_remaining: Callable[[], object]) -> None:
    """Wait until `find_remaining` returns nothing.

    Raises: AssertionError with what it returned, after QUIESCENCE_TIMEOUT_SECONDS.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + QUIESCENCE_TIMEOUT_SECONDS
    while remaining := await asyncio.to_thread(find_remaining):
        assert loop.time() < deadline, f"Unfinished work is left: {remaining}"
        await asyncio.sleep(0.1)


async def assert_invariants(cluster: Cluster, client_log: ClientLog) -> History:
    """Wait for quiescence, check every invariant, and check that a new student can sync."""
    assert client_log.acknowledged("setup"), "No setup was acknowledged."
    invariants.every_response_is_expected(client_log)
    await wait_for_quiescence(cluster)
    history = await asyncio.to_thread(read_history, cluster.server.url)
    invariants.acknowledged_is_recorded_once(client_log, history)
    invariants.nothing_happens_twice(client_log, history)
    invariants.every_run_ended(history)
    await asyncio.to_thread(invariants.streams_have_no_gaps, cluster.server.url)
    await asyncio.to_thread(invariants.read_models_equal_a_rebuild, cluster.server.url)
    await _assert_new_student_can_sync(cluster)
    return history


async def _assert_new_student_can_sync(cluster: Cluster) -> None:
    """Connect a new student, and sync the connection twice."""
    client_log = ClientLog()
    async with aiohttp.ClientSession() as session:
        student = Student(cluster, session, client_log, Random(1))
        await student.set_up()
        assert student.connection, f"The setup failed: {client_log.commands}"
        await wait_for_quiescence(cluster)
        await student.sync(student.connection)
        await wait_for_quiescence(cluster)
        runs = await student.get("/api/v1/sync/logs")
    assert [run["status"] for run in runs["items"]] == ["completed"] * 2
