"""Who plays which role, by the heartbeats: told to operators, no reason to send nobody here."""

from typing import Any, LiteralString, NamedTuple

from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

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


def _told(role: str, played: Played | None) -> str:
    if played is None or not played.living:
        return f"nobody plays it: start easeboard serve --roles {role}"
    return f"silent: {', '.join(played.silent)}" if played.silent else "ok"
