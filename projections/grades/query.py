"""The query of the read model `grades`, for `GET /canvas/grades` and `GET /canvas/data`."""

from pathlib import Path
from uuid import UUID

from psycopg import sql

from projections.support.json_documents import add_members
from projections.support.page import Page, build_page, decode_cursor, parse_text_key, rows_to_fetch
from projections.support.query import Query

GRADES_SQL = sql.SQL(Path(__file__).with_name("grades.sql").read_text(encoding="utf-8"))


def grades_of(
    person_id: UUID,
    *,
    connection_id: UUID | None = None,
    course_id: UUID | None = None,
    cursor: str | None = None,
    limit: int | None,
) -> Query[Page]:
    """Query a page of a person's grades: one item for each course, sorted by its name.

    An item is the JSON of the course's grades, with those of its assignments in `assignments`,
    sorted by due date. Withdrawn courses, and those in which the person is not a student, are left
    out. A cursor contains sort key and id of a course.

    Raises: BadCursor if the cursor does not belong to this list.
    """
    name, id_ = decode_cursor(cursor, parse_text_key, UUID)
    return Query(
        "grades",
        GRADES_SQL,
        {
            "person": person_id,
            "connection": connection_id,
            "course": course_id,
            "name": name,
            "id": id_,
            "limit": rows_to_fetch(limit),
        },
        lambda rows: build_page(
            rows,
            limit,
            lambda row: add_members(row[2], b'"assignments":[%b]' % row[3]),
            lambda row: row[:2],
        ),
    )
