"""How far a read model has come."""

from psycopg_pool import AsyncConnectionPool


async def checkpoint_of(pool: AsyncConnectionPool, name: str) -> int:
    """The position up to which a read model has taken everything in; 0 where it has not begun."""
    async with pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT position FROM easeboard.projections WHERE name = %s AND role = 'live'",
            [name],
            binary=True,
        )
        row = await cursor.fetchone()
    return int(row[0]) if row else 0
