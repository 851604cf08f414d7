"""What may befall a house."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random

import psycopg

from infrastructure.postgres.embedded import postmaster
from tests.faults.cluster import Cluster
from tests.faults.flaky_proxy import APPEND_STATEMENT, FETCH_JOB_FUNCTION

Fault = Callable[[Cluster, Random], Awaitable[None]]


async def kill_process(role: str, cluster: Cluster, rng: Random) -> None:
    """A process of a role dies, and is started again a little later."""
    victim = rng.choice(cluster.with_role(role))
    await asyncio.to_thread(victim.kill)
    await asyncio.sleep(rng.uniform(0, 0.5))
    await asyncio.to_thread(cluster.start, victim)


async def kill_postgres(cluster: Cluster, _: Random) -> None:
    """The whole server dies; whoever keeps it starts it again."""
    server = postmaster.find(cluster.server.data)
    if server:
        os.kill(server.pid, signal.SIGKILL)


async def kill_session(cluster: Cluster, rng: Random) -> None:
    """One session of the server dies, and PostgreSQL ends all others."""
    async with asyncio.timeout(60):
        while not (sessions := _sessions(cluster)):  # noqa: ASYNC110  # a server is waited for
            await asyncio.sleep(0.1)
    os.kill(rng.choice(sessions), signal.SIGKILL)


def _sessions(cluster: Cluster) -> list[int]:
    """The processes of the server that serve ours; none while it recovers from what befell it."""
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
    """A worker stands still until its lease is long over and others did its work; then it wakes."""
    victim = rng.choice(cluster.with_role("worker"))
    victim.freeze()
    await asyncio.sleep(seconds)
    victim.resume()


async def restart_all(cluster: Cluster, _: Random) -> None:
    """One process after the other is asked to stop, and started again, as a new release does."""
    for process in cluster.processes:
        assert await asyncio.to_thread(process.stop) == 0, process.name
        await asyncio.to_thread(cluster.start, process)


KILLS: dict[str, Fault] = {
    **{role: partial(kill_process, role) for role in ("api", "worker", "scheduler", "projector")},
    "postgres": kill_postgres,
    "session": kill_session,
}
STOPS: dict[str, Fault] = {"frozen": freeze_worker, "restarted": restart_all}


async def cut_connections(cluster: Cluster, _: Random, *, seconds: float = 10) -> None:
    """PostgreSQL cannot be reached for a while: what is open breaks, what is new is refused."""
    cluster.proxy.cut()
    await asyncio.sleep(seconds)
    cluster.proxy.restore()


async def stall_connections(cluster: Cluster, _: Random, *, seconds: float = 10) -> None:
    """Nothing comes from PostgreSQL for a while, and nothing is closed either."""
    cluster.proxy.stall()
    await asyncio.sleep(seconds)
    cluster.proxy.restore()


async def lose_append_responses(cluster: Cluster, rng: Random) -> None:
    """Several times an append is committed and whoever asked for it does not learn of it."""
    await _lose_responses(cluster, rng.randint(3, 9), APPEND_STATEMENT)


async def lose_fetched_jobs(cluster: Cluster, rng: Random) -> None:
    """Workers are given jobs, or told that there is none, and do not learn of it."""
    cluster.proxy.break_connections()
    await _lose_responses(cluster, rng.randint(6, 18), FETCH_JOB_FUNCTION)


async def _lose_responses(cluster: Cluster, count: int, request: bytes) -> None:
    before = cluster.proxy.lost_responses
    cluster.proxy.lose_responses(count, request)
    async with asyncio.timeout(60):
        while cluster.proxy.lost_responses < before + count:  # noqa: ASYNC110  # it is a thread that counts
            await asyncio.sleep(0.02)


NETWORK_FAULTS: dict[str, Fault] = {
    "cut": cut_connections,
    "stalled": stall_connections,
    "lost responses": lose_append_responses,
    "lost jobs": lose_fetched_jobs,
}
