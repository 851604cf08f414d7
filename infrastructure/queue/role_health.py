"""Who plays which role, by the heartbeats: told to operators, no reason to send nobody here."""

from typing import Any, LiteralString, NamedTuple

from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from infrastructure.postgres.connection_budget import budget_for_roles

ROLES = ("api", "worker", "projector", "scheduler")

SELECT_ROLE_HEALTH: LiteralString = """
SELECT role,
       count(*) FILTER (WHERE silence < 10) AS live_count,
       array_agg(format('%%s for %%s s', name, silence) ORDER BY name)
           FILTER (WHERE silence >= 10) AS silent_processes
  FROM (
           SELECT name, roles,
                  extract(epoch FROM clock_timestamp() - heartbeat_at)::int AS silence
             FROM easeboard.workers
       ) AS heartbeat
 CROSS JOIN unnest(roles) AS role
 WHERE silence < 600
 GROUP BY role
 ORDER BY role
"""
"""A process that left in good order is in no row; one silent for 10 min is forgotten here."""


SELECT_ALLOWED_CONNECTIONS: LiteralString = """
SELECT current_setting('max_connections')::int
       - current_setting('superuser_reserved_connections')::int
       - coalesce(current_setting('reserved_connections', true)::int, 0)
"""

SELECT_LIVE_PROCESS_ROLES: LiteralString = """
SELECT roles
  FROM easeboard.workers
 WHERE heartbeat_at >= clock_timestamp() - INTERVAL '10 s'
"""


class ConnectionDemand(NamedTuple):
    """How many connections all living processes together may have, and PostgreSQL allows."""

    required: int
    allowed: int


class RoleHealth(NamedTuple):
    """A role, how many processes play it, and which of them fell silent and since when."""

    role: str
    live_count: int
    silent_processes: list[str] | None


async def role_health(pool: AsyncConnectionPool[Any]) -> dict[str, str]:
    """Each role and `ok`, or what is wrong with it and the way out; empty where nobody plays."""
    async with (
        pool.connection() as connection,
        connection.cursor(row_factory=class_row(RoleHealth)) as cursor,
    ):
        await cursor.execute(SELECT_ROLE_HEALTH, [])
        health_by_role = {row.role: row for row in await cursor.fetchall()}
    return (
        {role: _describe_role(role, health_by_role.get(role)) for role in ROLES}
        if health_by_role
        else {}
    )


async def connection_demand(pool: AsyncConnectionPool[Any]) -> ConnectionDemand:
    """Whether PostgreSQL has room for every pool at its largest, as all are after an outage."""
    async with pool.connection() as connection:
        live_processes = await (await connection.execute(SELECT_LIVE_PROCESS_ROLES)).fetchall()
        allowed = await (await connection.execute(SELECT_ALLOWED_CONNECTIONS)).fetchone()
    return ConnectionDemand(
        sum(sum(budget_for_roles(roles)) for (roles,) in live_processes),
        allowed[0] if allowed else 0,
    )


def _describe_role(role: str, health: RoleHealth | None) -> str:
    if health is None or not health.live_count:
        return f"nobody plays it: start easeboard serve --roles {role}"
    return f"silent: {', '.join(health.silent_processes)}" if health.silent_processes else "ok"
