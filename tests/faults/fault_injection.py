"""The faults that a test injects into a cluster: kills, freezes, restarts, network failures."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random

import psycopg

from infrastructure.postgres.embedded import postmaster
from tests.deadlines import scaled
from tests.faults.cluster import Cluster
from tests.faults.flaky_proxy import APPEND_STATEMENT, COMMIT_STATEMENT

Fault = Callable[[Cluster, Random], Awaitable[None]]


async def kill_process(role: str, cluster: Cluster, rng: Random) -> None:
    """Kill a process of the role, and start it again up to half a second later."""
    victim = rng.choice(cluster.with_role(role))
    await asyncio.to_thread(victim.kill)
    await asyncio.sleep(rng.uniform(0, 0.5))
    await asyncio.to_thread(cluster.start, victim)


async def kill_postgres(cluster: Cluster, _: Random) -> None:
    """Kill the PostgreSQL server; `EmbeddedPostgres` starts it again."""
    server = postmaster.find(cluster.server.data)
    if server:
        os.kill(server.pid, signal.SIGKILL)


async def kill_session(cluster: Cluster, rng: Random) -> None:
    """Kill one backend process of PostgreSQL; the server then ends all other sessions."""
    async with asyncio.timeout(scaled(60)):
        while not (sessions := _sessions(cluster)):  # noqa: ASYNC110  # the server sends no signal
            await asyncio.sleep(0.1)
    os.kill(rng.choice(sessions), signal.SIGKILL)


def _sessions(cluster: Cluster) -> list[int]:
    """The ids of the backend processes that serve easeboard; none while the server recovers."""
    try:
        with psycopg.connect(cluster.server.admin_url) as connection:
            result = connection.execute(
                """
                SELECT pid
                  FROM pg_stat_activity
                 WHERE application_name LIKE 'easeboard %'
                 ORDER BY pid
                """
            ).fetchall()
    except psycopg.OperationalError:
        return []
    return [pid for (pid,) in result]


async def freeze_worker(cluster: Cluster, rng: Random, *, seconds: float = 14) -> None:
    """Freeze a worker until others have taken over its runs, then let it continue."""
    victim = rng.choice(cluster.with_role("worker"))
    victim.freeze()
    await asyncio.sleep(seconds)
    victim.resume()


async def restart_all(cluster: Cluster, _: Random) -> None:
    """Stop and start one process after another, as a rolling deployment does."""
    for process in cluster.processes:
        assert await asyncio.to_thread(process.stop) == 0, f"{process.name} failed to stop"
        await asyncio.to_thread(cluster.start, process)


KILLS: dict[str, Fault] = {
    **{role: partial(kill_process, role) for role in ("api", "worker", "scheduler", "projector")},
    "postgres": kill_postgres,
    "session": kill_session,
}
STOPS: dict[str, Fault] = {"frozen": freeze_worker, "restarted": restart_all}


async def cut_connections(cluster: Cluster, _: Random, *, seconds: float = 10) -> None:
    """Break all connections to PostgreSQL, and refuse new ones for some seconds."""
    cluster.proxy.cut()
    await asyncio.sleep(seconds)
    cluster.proxy.restore()


async def stall_connections(cluster: Cluster, _: Random, *, seconds: float = 10) -> None:
    """Deliver no data from PostgreSQL for some seconds, without closing a connection."""
    cluster.proxy.stall()
    await asyncio.sleep(seconds)
    cluster.proxy.restore()


async def lose_append_responses(cluster: Cluster, rng: Random) -> None:
    """Break the connection of several appends after their commit, before the response."""
    await _lose_responses(cluster, rng.randint(3, 9), APPEND_STATEMENT)


async def lose_fetched_jobs(cluster: Cluster, rng: Random) -> None:
    """Break the connection of several fetches of a job, before the worker knows of the commit."""
    # A prepared statement does not contain its text; new connections prepare again.
    cluster.proxy.break_connections()
    await _lose_responses(cluster, rng.randint(6, 18), COMMIT_STATEMENT, only_fetches=True)


async def _lose_responses(
    cluster: Cluster, count: int, request: bytes, *, only_fetches: bool = False
) -> None:
    before = cluster.proxy.lost_responses
    cluster.proxy.lose_responses(count, request, only_fetches=only_fetches)
    async with asyncio.timeout(scaled(60)):
        while cluster.proxy.lost_responses < before + count:  # noqa: ASYNC110  # a thread counts them
            await asyncio.sleep(0.02)


NETWORK_FAULTS: dict[str, Fault] = {
    "cut": cut_connections,
    "stalled": stall_connections,
    "lost responses": lose_append_responses,
    "lost jobs": lose_fetched_jobs,
}
