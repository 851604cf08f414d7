"""When the clock changes what a document shows, without any event.

A document may be kept until that time. It can be too early, and never too late.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import orjson
from psycopg import sql

from projections.support.json_documents import parse_time

LOCK_CHANGE_SQL = sql.SQL(
    "least("
    "CASE WHEN locked_until > %(now)s THEN locked_until END,"
    " CASE WHEN locked_from >= %(now)s"
    " THEN least(locked_from + interval '1 microsecond', '9999-12-31T23:59:59.999999Z') END"
    ")"
)
"""The first time after `now` at which `LOCK_REASON_SQL` may change: a lock begins after its date.

The last time is the last one that Python has.
"""
CHANGES_AT_SQL = sql.SQL(
    "least(CASE WHEN settled IS NULL AND due_at > %(now)s THEN due_at END, {lock_change})"
).format(lock_change=LOCK_CHANGE_SQL)
"""The first time after `now` at which `STATUS_SQL` or `LOCK_REASON_SQL` changes; or NULL.

For a row that has the columns of `CLOCK_COLUMNS`. Its parts change at `parts_change_at`.
"""


class TimedDocument(NamedTuple):
    """A JSON document, and when the clock changes it; None if only events do."""

    json: bytes
    changes_at: datetime | None


def first_change(times: Iterable[datetime | None]) -> datetime | None:
    """Return the first of these times; None if there is none."""
    return min((time for time in times if time is not None), default=None)


def parts_change_at(stored: bytes | None, now: datetime) -> datetime | None:
    """Return when the status of a part changes next; `stored` is the column `parts`."""
    if not stored:
        return None
    dates = (parse_time(part["due_at"]) for part in orjson.loads(stored) if part["rule"][0] is None)
    return first_change(date for date in dates if date and date > now)
