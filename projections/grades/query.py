"""Where somebody stands."""

from pathlib import Path
from uuid import UUID

from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from projections.support.json_documents import spliced
from projections.support.page import Page, keys_of, one_more, page, words

QUESTION = sql.SQL(Path(__file__).with_name("grades.sql").read_text(encoding="utf-8"))


async def grades_of(
    person_id: UUID,
    *,
    connection_id: UUID | None = None,
    course_id: UUID | None = None,
    cursor: str | None = None,
    limit: int | None,
    pool: AsyncConnectionPool,
) -> Page:
    """A person's grades, one a course by name, its assignments by due date; raises BadCursor.

    Courses withdrawn by Canvas are left out.
    """
    name, id_ = keys_of(cursor, words, UUID)
    async with pool.connection() as connection:
        found = await connection.execute(
            QUESTION,
            {
                "person": person_id,
                "connection": connection_id,
                "course": course_id,
                "name": name,
                "id": id_,
                "limit": one_more(limit),
            },
            binary=True,
        )
        rows = await found.fetchall()
    return page(
        rows,
        limit,
        lambda row: spliced(row[2], b'"assignments":[%b]' % row[3]),
        lambda row: row[:2],
    )
