"""Who plays which role, by the heartbeats: told to operators, no reason to send nobody here."""

from typing import Any, LiteralString, NamedTuple

from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from infrastructure.postgres.connection_budget import budget

ROLES = ("api", "worker", "projector", "scheduler")

PLAYED: LiteralString = """
SELECT role,
       count(*) FILTER (WHERE silence < 10) AS living,
       array_agg(format('%%s for %%s s', name, silence) ORDER BY name)
           FILTER (WHERE silence >= 10) AS silent
  FROM (
           SELECT name, roles,
                  extract(epoch FROM clock_timestamp() - heartbeat_at)::int AS silence
             FROM easeboard.workers
       ) AS heard
 CROSS JOIN unnest(roles) AS role
 WHERE silence < 600
 GROUP BY role
 ORDER BY role
"""
"""A process that left in good order is in no row; one silent for 10 min is forgotten here."""


ALLOWED: LiteralString = """
SELECT current_setting('max_connections')::int
       - current_setting('superuser_reserved_connections')::int
       - coalesce(current_setting('reserved_connections', true)::int, 0)
"""

LIVING: LiteralString = """
SELECT roles
  FROM easeboard.workers
 WHERE heartbeat_at >= clock_timestamp() - INTERVAL '10 s'
"""


class Demand(NamedTuple):
    """How many connections all living processes together may have, and PostgreSQL allows."""

    wanted: int
    allowed: int


class Played(NamedTuple):
    """A role, how many processes play it, and which of them fell silent and since when."""

    role: str
    living: int
    silent: list[str] | None


async def cast(pool: AsyncConnectionPool[Any]) -> dict[str, str]:
    """Each role and `ok`, or what is wrong with it and the way out; empty where nobody plays."""
    async with (
        pool.connection() as connection,
        connection.cursor(row_factory=class_row(Played)) as cursor,
    ):
        await cursor.execute(PLAYED, [])
        found = {played.role: played for played in await cursor.fetchall()}
    return {role: _told(role, found.get(role)) for role in ROLES} if found else {}


async def demand(pool: AsyncConnectionPool[Any]) -> Demand:
    """Whether PostgreSQL has room for every pool at its largest, as all are after an outage."""
    async with pool.connection() as connection:
        living = await (await connection.execute(LIVING)).fetchall()
        allowed = await (await connection.execute(ALLOWED)).fetchone()
    return Demand(sum(sum(budget(roles)) for (roles,) in living), allowed[0] if allowed else 0)


def _told(role: str, played: Played | None) -> str:
    if played is None or not played.living:
        return f"nobody plays it: start easeboard serve --roles {role}"
    return f"silent: {', '.join(played.silent)}" if played.silent else "ok"
