"""Lets heartbeats be older than they are."""

from psycopg_pool import AsyncConnectionPool


async def age_heartbeat(pool: AsyncConnectionPool, name: str, seconds: int) -> None:
    """Let a process have beaten so much earlier."""
    async with pool.connection() as connection:
        await connection.execute(
            """
            UPDATE easeboard.workers
               SET heartbeat_at = heartbeat_at - make_interval(secs => %s)
             WHERE name = %s
            """,
            [seconds, name],
        )
