"""Counts the courses whose totals easeboard calculates as Canvas does, for metrics."""

from psycopg_pool import AsyncConnectionPool

MAX_COUNTED_COURSES = 20_000
"""Courses that are counted; with more, it is a sample, so that the query stays short."""


async def exact_counts(*, pool: AsyncConnectionPool) -> dict[str, int]:
    """Return the number of courses by result: `exact`, `different` or `unknown`."""
    async with pool.connection() as connection:
        result = await connection.execute(
            """
            SELECT count(*) FILTER (WHERE exact),
                   count(*) FILTER (WHERE NOT exact),
                   count(*) FILTER (WHERE exact IS NULL)
              FROM (SELECT exact FROM read.courses LIMIT %(limit)s) AS counted
            """,
            {"limit": MAX_COUNTED_COURSES},
        )
        row = await result.fetchone()
    return dict(zip(("exact", "different", "unknown"), row or (0, 0, 0), strict=True))
