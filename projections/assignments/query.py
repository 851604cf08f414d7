"""The queries of the read model `assignments`: lists, one assignment, and dates for a calendar."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import sql

from projections.assignments.due_dates import DUE_DATES_SQL, DatedAssignment, to_dated_assignments
from projections.support.assignment_document import add_clock_members
from projections.support.assignment_lock import LOCK_REASON_SQL
from projections.support.assignment_status import STATUS_SQL
from projections.support.clock_changes import CHANGES_AT_SQL, first_change, parts_change_at
from projections.support.page import (
    Page,
    build_page,
    decode_cursor,
    join_pages,
    order_parser,
    parse_text_key,
    parse_time_key,
    rows_to_fetch,
)
from projections.support.query import Query, Rows
from projections.support.search import like_pattern


class ListedAssignment(NamedTuple):
    """An assignment of a list, with what its document needs at the time of the query."""

    assignment_id: UUID
    document: bytes
    status: str
    lock_reason: bytes | None
    parts: bytes | None
    due_at: datetime | None
    name: str
    changes_at: datetime | None = None
    """When its status or its lock changes next; only in lists."""

    def document_at(self, now: datetime) -> bytes:
        """Return the JSON of the assignment at the time `now`, that of the query."""
        return add_clock_members(self.document, self.status, self.lock_reason, self.parts, now)


class SortOrder(NamedTuple):
    """A sort order of the list. By due date, in both directions, those without one come last."""

    order_by: sql.SQL
    """The expressions to sort by, which are unique together."""
    after: sql.SQL
    """The condition for the rows after those with the sort key `key` and the id `id`."""
    parse_key: Callable[[Any], Any]
    """Parses the sort key in a cursor."""
    key: Callable[[ListedAssignment], Any]
    """Returns the sort key of a row."""


SORT_ORDERS = {
    "due_at": SortOrder(
        sql.SQL("coalesce(due_at, 'infinity'), assignment_id"),
        sql.SQL(
            "(coalesce(due_at, 'infinity'), assignment_id)"
            " > (coalesce(%(key)s::timestamptz, 'infinity'), %(id)s::uuid)"
        ),
        parse_time_key,
        lambda row: row.due_at,
    ),
    "-due_at": SortOrder(
        sql.SQL("coalesce(due_at, '-infinity') DESC, assignment_id DESC"),
        sql.SQL(
            "(coalesce(due_at, '-infinity'), assignment_id)"
            " < (coalesce(%(key)s::timestamptz, '-infinity'), %(id)s::uuid)"
        ),
        parse_time_key,
        lambda row: row.due_at,
    ),
    "name": SortOrder(
        sql.SQL("name, assignment_id"),
        sql.SQL("(name, assignment_id) > (%(key)s::text, %(id)s::uuid)"),
        parse_text_key,
        lambda row: row.name,
    ),
}

LISTED_SQL = sql.SQL(
    "published AND course_id IN (SELECT course_id FROM read.assignment_courses"
    " WHERE person_id = %(person)s AND is_student AND NOT withdrawn)"
)
"""The condition for the assignments that the student has."""

ASSIGNMENTS_SQL = sql.SQL(
    """
    SELECT assignment_id, document, status, lock_reason, parts, due_at, name, changes_at
      FROM (
               SELECT assignment_id, document, parts, due_at, name, late, missing,
                      {status} AS status,
                      {lock_reason} AS lock_reason,
                      {changes_at} AS changes_at
                 FROM read.assignments
                WHERE person_id = %(person)s
                  AND {listed}
                  AND (%(connection)s::uuid IS NULL OR connection_id = %(connection)s)
                  AND (%(course)s::uuid IS NULL OR course_id = %(course)s)
                  AND (%(due_after)s::timestamptz IS NULL OR due_at >= %(due_after)s)
                  AND (%(due_before)s::timestamptz IS NULL OR due_at < %(due_before)s)
                  AND (%(pattern)s::text IS NULL OR name LIKE %(pattern)s)
           ) AS candidates
     WHERE (
               %(statuses)s::text[] IS NULL
               OR status = ANY(%(statuses)s)
               OR (late AND 'late' = ANY(%(statuses)s))
               OR (missing AND 'missing' = ANY(%(statuses)s))
           )
       AND (%(id)s::uuid IS NULL OR {after})
     ORDER BY {order_by}
     LIMIT %(limit)s
    """
)
STATEMENTS = {
    sort: ASSIGNMENTS_SQL.format(
        status=STATUS_SQL,
        lock_reason=LOCK_REASON_SQL,
        changes_at=CHANGES_AT_SQL,
        listed=LISTED_SQL,
        after=order.after,
        order_by=order.order_by,
    )
    for sort, order in SORT_ORDERS.items()
}
"""The statement for each sort order."""

ASSIGNMENT_SQL = sql.SQL(
    """
    SELECT assignment_id, document, {status}, {lock_reason}, parts, due_at, name
      FROM read.assignments
     WHERE person_id = %(person)s
       AND assignment_id = %(assignment)s
       AND {listed}
    """
).format(status=STATUS_SQL, lock_reason=LOCK_REASON_SQL, listed=LISTED_SQL)


def assignments_of(
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
) -> Query[Page]:
    """Query a page of a person's assignments, in the courses in which they are a student.

    Those of withdrawn courses, and those that are not published, are left out. An item is the JSON
    of an assignment, with `status`, `locked`, `lock_reason` and `parts` at the time `now`.
    `statuses` are values of `status`; `late` and `missing` also match what Canvas marks so, of any
    status; none means all. The due date is at or after `due_after` and before `due_before`. `q` is
    a part of the name. A cursor contains `sort`, sort key and id. The page has the time at which
    the clock changes it, which is `now` with `statuses`: others can move into such a page any time.

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

    def build(rows: Rows) -> Page:
        page = _build_page(rows, limit, sort, now)
        return page._replace(changes_at=now) if statuses else page

    join = join_pages if limit is None else None
    return Query("assignments", STATEMENTS[sort], parameters, build, join)


def _build_page(rows: Rows, limit: int | None, sort: str, now: datetime) -> Page:
    listed, key = [ListedAssignment(*row) for row in rows], SORT_ORDERS[sort].key
    page = build_page(
        listed,
        limit,
        lambda row: row.document_at(now),
        lambda row: (sort, key(row), row.assignment_id),
    )
    changes = (row.changes_at for row in listed)
    changes_of_parts = (parts_change_at(row.parts, now) for row in listed if row.parts)
    return page._replace(changes_at=first_change((*changes, *changes_of_parts)))


def assignment_of(person_id: UUID, assignment_id: UUID, *, now: datetime) -> Query[bytes | None]:
    """Query one assignment as JSON, as the list of assignments has it; None if it does not."""

    def build(rows: Rows) -> bytes | None:
        return ListedAssignment(*rows[0]).document_at(now) if rows else None

    parameters = {"person": person_id, "assignment": assignment_id, "now": now}
    return Query("assignments", ASSIGNMENT_SQL, parameters, build)


def due_dates_of(person_id: UUID) -> Query[list[DatedAssignment]]:
    """Query a person's assignments that have a due date, or parts, sorted by due date."""
    return Query("assignments", DUE_DATES_SQL, {"person": person_id}, to_dated_assignments)
