"""The query of the read model `grade_history`, for `GET /canvas/grades/history`."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg import sql

from projections.support.page import (
    Page,
    build_page,
    decode_cursor,
    order_parser,
    parse_position_key,
    rows_to_fetch,
)
from projections.support.query import Query


class HistoryOrder(NamedTuple):
    """A sort order of the history: that of the event log, or the reverse."""

    order_by: sql.SQL
    after: sql.SQL
    """The condition for the rows after the one with the position `key`; for all if it is null."""


HISTORY_ORDERS = {
    "changed_at": HistoryOrder(
        sql.SQL("position"), sql.SQL("position > coalesce(%(key)s::bigint, 0)")
    ),
    "-changed_at": HistoryOrder(
        sql.SQL("position DESC"),
        sql.SQL("position < coalesce(%(key)s::bigint, 9223372036854775807)"),
    ),
}
HISTORY_SQL = sql.SQL(
    """
    SELECT position, document
      FROM read.grade_history
     WHERE person_id = %(person)s
       AND {after}
       AND (%(course)s::uuid IS NULL OR course_id = %(course)s)
       AND (%(assignment)s::uuid IS NULL OR assignment_id = %(assignment)s)
       AND position >= CASE WHEN %(since)s::timestamptz IS NULL THEN 0 ELSE coalesce(
               (
                   SELECT first.position
                     FROM read.grade_history AS first
                    WHERE first.person_id = %(person)s
                      AND first.changed_at >= %(since)s
                    ORDER BY first.position
                    LIMIT 1
               ),
               9223372036854775807
           ) END
       AND (%(baseline)s::boolean IS NULL OR baseline = %(baseline)s)
     ORDER BY {order_by}
     LIMIT %(limit)s
    """
)
STATEMENTS = {sort: HISTORY_SQL.format(**order._asdict()) for sort, order in HISTORY_ORDERS.items()}
"""The statement for each sort order."""


def grade_changes_of(
    person_id: UUID,
    *,
    course_id: UUID | None = None,
    assignment_id: UUID | None = None,
    since: datetime | None = None,
    baseline: bool | None = None,
    sort: str = "changed_at",
    cursor: str | None = None,
    limit: int | None,
) -> Query[Page]:
    """Query a page of a person's grade changes from the first one at `since` or later on.

    Later ones are included whatever their time is: a clock that is set back gives earlier times.
    With an `assignment_id`, the grades of the course as a whole are left out. `baseline` is whether
    to return what the first run found, or all but that; None means both. The oldest change is first
    if `sort` is `changed_at`, the newest if it is `-changed_at`. An item is the JSON of
    `encode_grade_change`. A cursor contains `sort` and the position of a change in the event log.

    Raises:
        BadCursor: If the cursor does not belong to this list in this order.
        KeyError: If `sort` is not a key of HISTORY_ORDERS.
    """
    statement = STATEMENTS[sort]
    _, position = decode_cursor(cursor, order_parser(sort), parse_position_key)
    return Query(
        "grade_history",
        statement,
        {
            "person": person_id,
            "key": position,
            "course": course_id,
            "assignment": assignment_id,
            "since": since,
            "baseline": baseline,
            "limit": rows_to_fetch(limit),
        },
        lambda rows: build_page(rows, limit, lambda row: row[1], lambda row: (sort, row[0])),
    )
