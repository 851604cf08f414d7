"""Reads the checkpoint of a read model."""

from psycopg_pool import AsyncConnectionPool


async def checkpoint_of(pool: AsyncConnectionPool, name: str) -> int:
    """Return the position up to which the live version has applied the log; 0 without one."""
    async with pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT position FROM easeboard.projections WHERE name = %s AND role = 'live'",
            [name],
            binary=True,
        )
        row = await cursor.fetchone()
    return int(row[0]) if row else 0
