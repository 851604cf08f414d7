"""How grades came to be what they are."""

from datetime import datetime
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from projections.support.page import Page, build_page, decode_cursor, position_key, rows_to_fetch


async def grade_changes_of(
    person_id: UUID,
    *,
    course_id: UUID | None = None,
    assignment_id: UUID | None = None,
    since: datetime | None = None,
    cursor: str | None = None,
    limit: int | None,
    pool: AsyncConnectionPool,
) -> Page:
    """A person's grade changes, oldest first, recorded at `since` or later; raises BadCursor."""
    [after] = decode_cursor(cursor, position_key)
    async with pool.connection() as connection:
        result = await connection.execute(
            """
            SELECT position, document
              FROM read.grade_history
             WHERE person_id = %(person)s
               AND position > %(after)s
               AND (%(course)s::uuid IS NULL OR course_id = %(course)s)
               AND (%(assignment)s::uuid IS NULL OR assignment_id = %(assignment)s)
               AND (%(since)s::timestamptz IS NULL OR changed_at >= %(since)s)
             ORDER BY position
             LIMIT %(limit)s
            """,
            {
                "person": person_id,
                "after": after or 0,
                "course": course_id,
                "assignment": assignment_id,
                "since": since,
                "limit": rows_to_fetch(limit),
            },
            binary=True,
        )
        rows = await result.fetchall()
    return build_page(rows, limit, lambda row: row[1], lambda row: row[:1])
