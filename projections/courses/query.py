"""The queries of the read model `courses`, for `GET /canvas/courses` and `GET /canvas/data`."""

from uuid import UUID

from psycopg import sql

from projections.support.page import Page, build_page, decode_cursor, parse_text_key, rows_to_fetch
from projections.support.query import Query, first_value
from projections.support.search import like_pattern

COURSES_SQL = sql.SQL(
    """
    SELECT name, course_id, document
      FROM read.courses
     WHERE person_id = %(person)s
       AND (%(connection)s::uuid IS NULL OR connection_id = %(connection)s)
       AND (%(state)s::text IS NULL OR state = %(state)s)
       AND (%(pattern)s::text IS NULL OR words LIKE %(pattern)s)
       AND (%(id)s::uuid IS NULL OR (name, course_id) > (%(name)s::text, %(id)s::uuid))
     ORDER BY name, course_id
     LIMIT %(limit)s
    """
)

COURSE_SQL = sql.SQL(
    """
    SELECT document
      FROM read.courses
     WHERE person_id = %(person)s
       AND course_id = %(course)s
    """
)


def courses_of(
    person_id: UUID,
    *,
    connection_id: UUID | None = None,
    state: str | None = None,
    q: str | None = None,
    cursor: str | None = None,
    limit: int | None,
) -> Query[Page]:
    """Query a page of a person's courses, of every role, sorted by name without regard to case.

    `state` is `active`, `concluded`, `restricted` or `withdrawn`; `q` is a part of the name or of
    the course code. An item is the JSON of a course. A cursor contains sort key and id of a course.

    Raises: BadCursor if the cursor does not belong to this list.
    """
    name, id_ = decode_cursor(cursor, parse_text_key, UUID)
    return Query(
        "courses",
        COURSES_SQL,
        {
            "person": person_id,
            "connection": connection_id,
            "state": state,
            "pattern": like_pattern(q),
            "name": name,
            "id": id_,
            "limit": rows_to_fetch(limit),
        },
        lambda rows: build_page(rows, limit, lambda row: row[2], lambda row: row[:2]),
    )


def course_of(person_id: UUID, course_id: UUID) -> Query[bytes | None]:
    """Query one course of a person as JSON; None if they have none with this id."""
    return Query("courses", COURSE_SQL, {"person": person_id, "course": course_id}, first_value)
