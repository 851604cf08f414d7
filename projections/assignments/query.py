"""The query of the read model `assignments`, for `GET /canvas/assignments`, `GET /canvas/data`."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from projections.support.assignment_document import with_status
from projections.support.assignment_status import LOCKED_SQL, STATUS_SQL
from projections.support.page import (
    Page,
    build_page,
    decode_cursor,
    order_parser,
    parse_text_key,
    parse_time_key,
    rows_to_fetch,
)
from projections.support.search import like_pattern

Row = tuple[UUID, bytes, str, bool, datetime | None, str]


class SortOrder(NamedTuple):
    """A sort order of the list. By due date, in both directions, those without one come last."""

    order_by: sql.SQL
    """The expressions to sort by, which are unique together."""
    after: sql.SQL
    """The condition for the rows after those with the sort key `key` and the id `id`."""
    parse_key: Callable[[Any], Any]
    """Parses the sort key in a cursor."""
    key: Callable[[Row], Any]
    """Returns the sort key of a row."""


SORT_ORDERS = {
    "due_at": SortOrder(
        sql.SQL("coalesce(due_at, 'infinity'), assignment_id"),
        sql.SQL(
            "(coalesce(due_at, 'infinity'), assignment_id)"
            " > (coalesce(%(key)s::timestamptz, 'infinity'), %(id)s::uuid)"
        ),
        parse_time_key,
        lambda row: row[4],
    ),
    "-due_at": SortOrder(
        sql.SQL("coalesce(due_at, '-infinity') DESC, assignment_id DESC"),
        sql.SQL(
            "(coalesce(due_at, '-infinity'), assignment_id)"
            " < (coalesce(%(key)s::timestamptz, '-infinity'), %(id)s::uuid)"
        ),
        parse_time_key,
        lambda row: row[4],
    ),
    "name": SortOrder(
        sql.SQL("name, assignment_id"),
        sql.SQL("(name, assignment_id) > (%(key)s::text, %(id)s::uuid)"),
        parse_text_key,
        lambda row: row[5],
    ),
}

ASSIGNMENTS_SQL = sql.SQL(
    """
    SELECT assignment_id, document, status, locked, due_at, name
      FROM (
               SELECT assignment_id, document, due_at, name, late,
                      {status} AS status,
                      {locked} AS locked
                 FROM read.assignments AS listed
                WHERE person_id = %(person)s
                  AND (%(connection)s::uuid IS NULL OR connection_id = %(connection)s)
                  AND (%(course)s::uuid IS NULL OR course_id = %(course)s)
                  AND (%(due_after)s::timestamptz IS NULL OR due_at >= %(due_after)s)
                  AND (%(due_before)s::timestamptz IS NULL OR due_at < %(due_before)s)
                  AND (%(pattern)s::text IS NULL OR name LIKE %(pattern)s)
                  AND NOT EXISTS (
                          SELECT FROM read.withdrawn_courses AS withdrawn
                           WHERE withdrawn.course_id = listed.course_id
                      )
           ) AS candidates
     WHERE (
               %(statuses)s::text[] IS NULL
               OR status = ANY(%(statuses)s)
               OR (late AND 'late' = ANY(%(statuses)s))
           )
       AND (%(id)s::uuid IS NULL OR {after})
     ORDER BY {order_by}
     LIMIT %(limit)s
    """
)
STATEMENTS = {
    sort: ASSIGNMENTS_SQL.format(
        status=STATUS_SQL, locked=LOCKED_SQL, after=order.after, order_by=order.order_by
    )
    for sort, order in SORT_ORDERS.items()
}
"""The statement for each sort order."""


async def assignments_of(
    person_id: UUID,
    *,
    now: datetime,
    connection_id: UUID | None = None,
    course_id: UUID | None = None,
    statuses: AbstractSet[str] = frozenset(),
    due_after: datetime | None = None,
    due_before: datetime | None = None,
    q: str | None = None,
    sort: str = "due_at",
    cursor: str | None = None,
    limit: int | None,
    pool: AsyncConnectionPool,
) -> Page:
    """Return a page of a person's assignments, without those of withdrawn courses.

    An item is the JSON of an assignment, with `status` and `locked` at the time `now`. `statuses`
    are values of `status`, or `late` for a late submission of any status; none means all. The due
    date is at or after `due_after` and before `due_before`. `q` is a part of the name. A cursor
    contains `sort`, sort key and id.

    Raises:
        BadCursor: If the cursor does not belong to this list in this order.
        KeyError: If `sort` is not a key of SORT_ORDERS.
    """
    order = SORT_ORDERS[sort]
    _, key, id_ = decode_cursor(cursor, order_parser(sort), order.parse_key, UUID)
    parameters = {
        "person": person_id,
        "now": now,
        "connection": connection_id,
        "course": course_id,
        "statuses": sorted(statuses) or None,
        "due_after": due_after,
        "due_before": due_before,
        "pattern": like_pattern(q),
        "key": key,
        "id": id_,
        "limit": rows_to_fetch(limit),
    }
    rows = await _fetch_rows(STATEMENTS[sort], parameters, pool)
    return build_page(
        rows, limit, lambda row: with_status(*row[1:4]), lambda row: (sort, order.key(row), row[0])
    )


async def _fetch_rows(
    statement: sql.Composed, parameters: dict[str, Any], pool: AsyncConnectionPool
) -> list[Row]:
    async with pool.connection() as connection:
        result = await connection.execute(statement, parameters, binary=True)
        return await result.fetchall()
