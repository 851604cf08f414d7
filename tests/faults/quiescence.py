"""When everything is over, and what must then be true."""

import asyncio
from collections.abc import Callable
from random import Random

import aiohttp
import psycopg

from tests.faults import invariants
from tests.faults.client_log import Journal
from tests.faults.cluster import House
from tests.faults.history import History, history
from tests.faults.load import Student

CALM_WITHIN = 60.0
"""Seconds after which no run may be left: a lease, a look around, and a busy machine."""

RESTLESS = """
SELECT (SELECT count(*) FROM read.sync_standings WHERE live),
       (
           SELECT count(*)
             FROM easeboard.projections
            WHERE role = 'live'
              AND position < (SELECT coalesce(max(position), 0) FROM easeboard.events)
       )
"""


LEFT = """
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


def left(url: str) -> str:
    """Runs, jobs, processes and leases that are there now, a line each."""
    try:
        with psycopg.connect(url) as connection:
            return "\n".join(str(row[0]) for row in connection.execute(LEFT))
    except psycopg.Error as error:
        return f"nothing can be read: {error}"


async def calm(house: House) -> None:
    """Wait until no run is queued or running, and every read model has heard of everything."""

    def restless() -> tuple[int, int] | None:
        try:
            with psycopg.connect(house.server.url) as connection:
                left = connection.execute(RESTLESS).fetchone()
        except psycopg.OperationalError:
            return (-1, -1)
        return None if left == (0, 0) else left

    await until(restless)


async def until(unrest: Callable[[], object]) -> None:
    """Wait until there is none; says what is left when it takes too long."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + CALM_WITHIN
    while left := await asyncio.to_thread(unrest):
        assert loop.time() < deadline, left
        await asyncio.sleep(0.1)


async def everything_holds(house: House, journal: Journal) -> History:
    """Wait for calm, then hold the laws, and see that the house still does its work."""
    assert journal.acknowledged("setup"), "nobody got anything done"
    invariants.every_answer_is_one_of_ours(journal)
    await calm(house)
    found = await asyncio.to_thread(history, house.server.url)
    invariants.acknowledged_is_recorded_once(journal, found)
    invariants.nothing_happens_twice(journal, found)
    invariants.every_run_ended(found)
    await asyncio.to_thread(invariants.no_stream_has_a_hole, house.server.url)
    await asyncio.to_thread(invariants.read_models_equal_a_rebuild, house.server.url)
    await _it_still_works(house)
    return found


async def _it_still_works(house: House) -> None:
    """Somebody new connects, and is synchronised twice."""
    journal = Journal()
    async with aiohttp.ClientSession() as session:
        student = Student(house, session, journal, Random(1))
        await student.set_up()
        assert student.connection, journal.commands
        await calm(house)
        await student.sync(student.connection)
        await calm(house)
        runs = await student.get("/api/v1/sync/logs")
    assert [run["status"] for run in runs["items"]] == ["completed"] * 2
