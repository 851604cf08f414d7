"""What somebody has to do, and what became of it."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from projections.support.assignment_document import LOCKED_SQL, STATUS_SQL, with_status
from projections.support.page import (
    Page,
    build_page,
    decode_cursor,
    order_name,
    rows_to_fetch,
    text_key,
    time_key,
)
from projections.support.search import like_pattern

Row = tuple[UUID, bytes, str, bool, datetime | None, str]


class SortOrder(NamedTuple):
    """How the list is sorted, undated ones last, and where the next page starts."""

    order_by: sql.SQL
    after: sql.SQL
    parse_key: Callable[[Any], Any]
    key: Callable[[Row], Any]


SORT_ORDERS = {
    "due_at": SortOrder(
        sql.SQL("coalesce(due_at, 'infinity'), assignment_id"),
        sql.SQL(
            "(coalesce(due_at, 'infinity'), assignment_id)"
            " > (coalesce(%(key)s::timestamptz, 'infinity'), %(id)s::uuid)"
        ),
        time_key,
        lambda row: row[4],
    ),
    "-due_at": SortOrder(
        sql.SQL("coalesce(due_at, '-infinity') DESC, assignment_id DESC"),
        sql.SQL(
            "(coalesce(due_at, '-infinity'), assignment_id)"
            " < (coalesce(%(key)s::timestamptz, '-infinity'), %(id)s::uuid)"
        ),
        time_key,
        lambda row: row[4],
    ),
    "name": SortOrder(
        sql.SQL("name, assignment_id"),
        sql.SQL("(name, assignment_id) > (%(key)s::text, %(id)s::uuid)"),
        text_key,
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
    """A person's assignments; `statuses` are those of the contract, `late` among them.

    Due from `due_after` on and before `due_before`; courses withdrawn by Canvas are left out.
    Raises BadCursor, and KeyError for a `sort` that is not in SORT_ORDERS.
    """
    order = SORT_ORDERS[sort]
    _, key, id_ = decode_cursor(cursor, order_name(sort), order.parse_key, UUID)
    statement = ASSIGNMENTS_SQL.format(
        status=STATUS_SQL, locked=LOCKED_SQL, after=order.after, order_by=order.order_by
    )
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
    async with pool.connection() as connection:
        rows = await (await connection.execute(statement, parameters, binary=True)).fetchall()
    return build_page(
        rows,
        limit,
        lambda row: with_status(*row[1:4]),
        lambda row: (sort, order.key(row), row[0]),
    )
