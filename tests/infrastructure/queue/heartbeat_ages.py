"""Makes heartbeats older."""

from psycopg_pool import AsyncConnectionPool


async def age_heartbeat(pool: AsyncConnectionPool, name: str, seconds: int) -> None:
    """Set the heartbeat of a process to so many seconds earlier."""
    async with pool.connection() as connection:
        await connection.execute(
            """
            UPDATE easeboard.workers
               SET heartbeat_at = heartbeat_at - make_interval(secs => %s)
             WHERE name = %s
            """,
            [seconds, name],
        )
