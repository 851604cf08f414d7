"""What may befall a house."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random

import psycopg

from infrastructure.postgres.embedded import postmaster
from tests.faults.cluster import House
from tests.faults.flaky_proxy import APPEND, FETCH

Fault = Callable[[House, Random], Awaitable[None]]


async def kill_one(role: str, house: House, chance: Random) -> None:
    """A process of a role dies, and is started again a little later."""
    victim = chance.choice(house.of(role))
    await asyncio.to_thread(victim.kill)
    await asyncio.sleep(chance.uniform(0, 0.5))
    await asyncio.to_thread(house.start, victim)


async def kill_postgres(house: House, _: Random) -> None:
    """The whole server dies; whoever keeps it starts it again."""
    server = postmaster.find(house.server.data)
    if server:
        os.kill(server.pid, signal.SIGKILL)


async def kill_a_session(house: House, chance: Random) -> None:
    """One session of the server dies, and PostgreSQL ends all others."""
    async with asyncio.timeout(60):
        while not (sessions := _sessions(house)):  # noqa: ASYNC110  # a server is waited for
            await asyncio.sleep(0.1)
    os.kill(chance.choice(sessions), signal.SIGKILL)


def _sessions(house: House) -> list[int]:
    """The processes of the server that serve ours; none while it recovers from what befell it."""
    try:
        with psycopg.connect(house.server.admin_url) as connection:
            found = connection.execute(
                """
                SELECT pid
                  FROM pg_stat_activity
                 WHERE application_name LIKE 'easeboard %'
                 ORDER BY pid
                """
            ).fetchall()
    except psycopg.OperationalError:
        return []
    return [pid for (pid,) in found]


async def freeze_a_worker(house: House, chance: Random, *, seconds: float = 14) -> None:
    """A worker stands still until its lease is long over and others did its work; then it wakes."""
    victim = chance.choice(house.of("worker"))
    victim.freeze()
    await asyncio.sleep(seconds)
    victim.wake()


async def restart_everybody(house: House, _: Random) -> None:
    """One process after the other is asked to stop, and started again, as a new release does."""
    for part in house.parts:
        assert await asyncio.to_thread(part.stop) == 0, part.name
        await asyncio.to_thread(house.start, part)


KILLS: dict[str, Fault] = {
    **{role: partial(kill_one, role) for role in ("api", "worker", "scheduler", "projector")},
    "postgres": kill_postgres,
    "session": kill_a_session,
}
STOPS: dict[str, Fault] = {"frozen": freeze_a_worker, "restarted": restart_everybody}


async def cut_the_line(house: House, _: Random, *, seconds: float = 10) -> None:
    """PostgreSQL cannot be reached for a while: what is open breaks, what is new is refused."""
    house.line.cut()
    await asyncio.sleep(seconds)
    house.line.mend()


async def silence_the_line(house: House, _: Random, *, seconds: float = 10) -> None:
    """Nothing comes from PostgreSQL for a while, and nothing is closed either."""
    house.line.silence()
    await asyncio.sleep(seconds)
    house.line.mend()


async def lose_answers(house: House, chance: Random) -> None:
    """Several times an append is committed and whoever asked for it does not learn of it."""
    await _lose(house, chance.randint(3, 9), APPEND)


async def lose_jobs(house: House, chance: Random) -> None:
    """Workers are given jobs, or told that there is none, and do not learn of it."""
    house.line.hang_up()
    await _lose(house, chance.randint(6, 18), FETCH)


async def _lose(house: House, wanted: int, to: bytes) -> None:
    before = house.line.answers_lost
    house.line.lose_answers(wanted, to)
    async with asyncio.timeout(60):
        while house.line.answers_lost < before + wanted:  # noqa: ASYNC110  # it is a thread that counts
            await asyncio.sleep(0.02)


LINES: dict[str, Fault] = {
    "cut": cut_the_line,
    "silent": silence_the_line,
    "loses answers": lose_answers,
    "loses jobs": lose_jobs,
}
