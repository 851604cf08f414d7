"""What somebody has to do, and what became of it."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from projections.support.assignment_document import LOCKED, STATUS, as_of_now
from projections.support.page import Page, keys_of, moment, one_more, only, page, words
from projections.support.search import containing

Row = tuple[UUID, bytes, str, bool, datetime | None, str]


class Order(NamedTuple):
    """How the list is sorted, undated ones last, and where the next page starts."""

    by: sql.SQL
    after: sql.SQL
    kind: Callable[[Any], Any]
    key: Callable[[Row], Any]


ORDERS = {
    "due_at": Order(
        sql.SQL("coalesce(due_at, 'infinity'), assignment_id"),
        sql.SQL(
            "(coalesce(due_at, 'infinity'), assignment_id)"
            " > (coalesce(%(key)s::timestamptz, 'infinity'), %(id)s::uuid)"
        ),
        moment,
        lambda row: row[4],
    ),
    "-due_at": Order(
        sql.SQL("coalesce(due_at, '-infinity') DESC, assignment_id DESC"),
        sql.SQL(
            "(coalesce(due_at, '-infinity'), assignment_id)"
            " < (coalesce(%(key)s::timestamptz, '-infinity'), %(id)s::uuid)"
        ),
        moment,
        lambda row: row[4],
    ),
    "name": Order(
        sql.SQL("name, assignment_id"),
        sql.SQL("(name, assignment_id) > (%(key)s::text, %(id)s::uuid)"),
        words,
        lambda row: row[5],
    ),
}

QUESTION = sql.SQL(
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
           ) AS asked
     WHERE (
               %(statuses)s::text[] IS NULL
               OR status = ANY(%(statuses)s)
               OR (late AND 'late' = ANY(%(statuses)s))
           )
       AND (%(id)s::uuid IS NULL OR {after})
     ORDER BY {by}
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
    Raises BadCursor, and KeyError for a `sort` that is none of ORDERS.
    """
    order = ORDERS[sort]
    _, key, id_ = keys_of(cursor, only(sort), order.kind, UUID)
    question = QUESTION.format(status=STATUS, locked=LOCKED, after=order.after, by=order.by)
    asked = {
        "person": person_id,
        "now": now,
        "connection": connection_id,
        "course": course_id,
        "statuses": sorted(statuses) or None,
        "due_after": due_after,
        "due_before": due_before,
        "pattern": containing(q),
        "key": key,
        "id": id_,
        "limit": one_more(limit),
    }
    async with pool.connection() as connection:
        rows = await (await connection.execute(question, asked, binary=True)).fetchall()
    return page(
        rows,
        limit,
        lambda row: as_of_now(*row[1:4]),
        lambda row: (sort, order.key(row), row[0]),
    )
