"""The health of each role, from heartbeats: for operators, without effect on readiness."""

from typing import Any, LiteralString, NamedTuple

from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from infrastructure.postgres.connection_budget import budget_for_roles

ROLES = ("api", "worker", "projector", "scheduler")

SELECT_ROLE_HEALTH: LiteralString = """
SELECT role,
       count(*) FILTER (WHERE seconds < 10) AS live_count,
       array_agg(format('%%s for %%s s', name, seconds) ORDER BY name)
           FILTER (WHERE seconds >= 10) AS missing_processes
  FROM (
           SELECT name, roles,
                  extract(epoch FROM clock_timestamp() - heartbeat_at)::int AS seconds
             FROM easeboard.workers
       ) AS heartbeat
 CROSS JOIN unnest(roles) AS role
 WHERE seconds < 600
 GROUP BY role
 ORDER BY role
"""
"""A process that stops in order deletes its row. One without a heartbeat is shown for 10 min."""

SELECT_ALLOWED_CONNECTIONS: LiteralString = """
SELECT allowed, setting
  FROM (
           SELECT current_setting('max_connections')::int
                  - current_setting('superuser_reserved_connections')::int
                  - coalesce(current_setting('reserved_connections', true)::int, 0),
                  'max_connections of the server'
            UNION ALL
           SELECT rolconnlimit, format('the connection limit of the role %%I', rolname)
             FROM pg_roles
            WHERE rolname = session_user
              AND rolconnlimit >= 0
              AND NOT rolsuper
            UNION ALL
           SELECT datconnlimit, format('the connection limit of the database %%I', datname)
             FROM pg_database
            WHERE datname = current_database()
              AND datconnlimit >= 0
       ) AS limits (allowed, setting)
 ORDER BY allowed
 LIMIT 1
"""
"""The smallest of the three limits that PostgreSQL has for the connections of the program."""

SELECT_LIVE_PROCESS_ROLES: LiteralString = """
SELECT roles
  FROM easeboard.workers
 WHERE heartbeat_at >= clock_timestamp() - INTERVAL '10 s'
"""


class ConnectionDemand(NamedTuple):
    """The database connections that all live processes may open, and those PostgreSQL allows.

    `setting` names what allows no more.
    """

    required: int
    allowed: int
    setting: str = "max_connections of the server"


class RoleHealth(NamedTuple):
    """A role, the number of its live processes, and those without a recent heartbeat."""

    role: str
    live_count: int = 0
    missing_processes: list[str] | None = None

    @property
    def is_healthy(self) -> bool:
        """Whether the role has a live process, and none without a recent heartbeat."""
        return bool(self.live_count) and not self.missing_processes

    def describe(self) -> str:
        """Return `ok`, or what is wrong and what to do."""
        if not self.live_count:
            return (
                f"no process has the role {self.role}; start one with "
                f"`easeboard serve --roles {self.role}`"
            )
        if self.missing_processes:
            missing = ", ".join(self.missing_processes)
            return f"no heartbeat from {missing}; check that the process runs"
        return "ok"


async def role_health(pool: AsyncConnectionPool[Any]) -> dict[str, str]:
    """Return `ok` for each role, or what is wrong and what to do; empty if no process runs."""
    return {each.role: each.describe() for each in await load_role_health(pool)}


async def load_role_health(pool: AsyncConnectionPool[Any]) -> list[RoleHealth]:
    """Return the health of each role; empty if no process runs."""
    async with (
        pool.connection() as connection,
        connection.cursor(row_factory=class_row(RoleHealth)) as cursor,
    ):
        await cursor.execute(SELECT_ROLE_HEALTH, [])
        health_by_role = {row.role: row for row in await cursor.fetchall()}
    if not health_by_role:
        return []
    return [health_by_role.get(role, RoleHealth(role)) for role in ROLES]


async def connection_demand(pool: AsyncConnectionPool[Any]) -> ConnectionDemand:
    """Return the connections needed when all pools are at their largest, as after an outage."""
    async with pool.connection() as connection:
        live_processes = await (await connection.execute(SELECT_LIVE_PROCESS_ROLES)).fetchall()
        cursor = await connection.execute(SELECT_ALLOWED_CONNECTIONS, [])
        limit: tuple[int, str] = await cursor.fetchone() or (0, "")
    required = sum(sum(budget_for_roles(roles)) for (roles,) in live_processes)
    return ConnectionDemand(required, *limit)
