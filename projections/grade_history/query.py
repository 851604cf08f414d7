"""The query of the read model `grade_history`, for `GET /canvas/grades/history`."""

from datetime import datetime
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from projections.support.page import (
    Page,
    build_page,
    decode_cursor,
    parse_position_key,
    rows_to_fetch,
)


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
    """Return a page of a person's grade changes recorded at `since` or later, oldest first.

    With an `assignment_id`, the grades of the course as a whole are left out. An item is the JSON
    of `encode_grade_change`. A cursor contains the position of a change in the event log.

    Raises: BadCursor if the cursor does not belong to this list.
    """
    [after] = decode_cursor(cursor, parse_position_key)
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
