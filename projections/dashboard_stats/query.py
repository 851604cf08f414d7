"""The query of the read model `dashboard_stats`, for `GET /dashboard/stats`."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from psycopg import sql

from projections.support.assignment_document import add_clock_members
from projections.support.assignment_lock import LOCK_REASON_SQL
from projections.support.assignment_status import STATUS_SQL
from projections.support.clock_changes import (
    LOCK_CHANGE_SQL,
    TimedDocument,
    first_change,
    parts_change_at,
)
from projections.support.json_documents import add_members, format_rfc3339
from projections.support.query import Query, Rows
from projections.support.rounded_numbers import round_rate, round_score

ACTIVITY_DAYS = 28
"""The days in `activity`, today included."""

STATS_SQL = sql.SQL(Path(__file__).with_name("stats.sql").read_text(encoding="utf-8")).format(
    status=STATUS_SQL, lock_reason=LOCK_REASON_SQL, lock_change=LOCK_CHANGE_SQL
)


class StatsRow(NamedTuple):
    """The row of STATS_SQL: its columns in their order."""

    total: int
    upcoming: int
    due_this_week: int
    overdue: int
    missing: int
    submitted: int
    graded: int
    expecting_submission: int
    done: int
    active_course_count: int
    course_count: int
    average_score: float | None
    changed_this_week: int
    next_documents: list[bytes]
    next_lock_reasons: list[bytes | None]
    next_parts: list[bytes | None]
    course_documents: list[bytes]
    course_done_counts: list[int]
    course_totals: list[int]
    submitted_on: list[date] | None
    graded_on: list[date] | None
    active_connections: int
    failing_connections: int
    last_synced_at: datetime | None
    changes_at: datetime | None


def stats_of(person_id: UUID, *, now: datetime) -> Query[TimedDocument]:
    """Query the statistics of a person's dashboard at the time `now`, as a JSON object.

    All numbers are about courses in the state `active` in which the person is a student, except
    `courses.total`, which has those of every state, and `connections`. `assignments.missing` counts
    what Canvas marks as missing, of any status. `completion_rate` is between 0 and 1: of the
    assignments that expect a submission, the part that is submitted, graded or excused; null if
    none expects one. An assignment expects a submission unless all its types are `none`,
    `not_graded`, `on_paper` or `wiki_page`. `due_this_week` covers 7 times 24 hours after `now`,
    `changed_this_week` as many before. The days of `activity` are UTC. A connection is failing if
    Canvas rejected its token or its last run failed. Scores have two digits, rates four.
    """
    days = [
        now.astimezone(UTC).date() - timedelta(days=ago) for ago in reversed(range(ACTIVITY_DAYS))
    ]
    since = datetime.combine(days[0], datetime.min.time(), UTC)

    def build(rows: Rows) -> TimedDocument:
        row = StatsRow(*rows[0])
        return TimedDocument(_encode_stats(row, now, days), _first_change(row, now, days[-1]))

    parameters = {"person": person_id, "now": now, "since": since}
    return Query("dashboard_stats", STATS_SQL, parameters, build)


def _first_change(row: StatsRow, now: datetime, today: date) -> datetime | None:
    midnight = datetime.combine(today + timedelta(days=1), datetime.min.time(), UTC)
    parts = (parts_change_at(stored, now) for stored in row.next_parts)
    return first_change((midnight, row.changes_at, *parts))


def _encode_stats(row: StatsRow, now: datetime, days: list[date]) -> bytes:
    return orjson.dumps(
        {
            "courses": {"active": row.active_course_count, "total": row.course_count},
            "assignments": _assignment_counts(row),
            "grades": {
                "average_score": round_score(row.average_score),
                "changed_this_week": row.changed_this_week,
            },
            "completion_rate": _completion_rate(row),
            "next_due": _next_due(row, now),
            "courses_at_a_glance": _courses_at_a_glance(row),
            "activity": _activity(row, days),
            "connections": {"active": row.active_connections, "failing": row.failing_connections},
            "last_synced_at": row.last_synced_at and format_rfc3339(row.last_synced_at),
        }
    )


def _assignment_counts(row: StatsRow) -> dict[str, int]:
    return {
        "total": row.total,
        "upcoming": row.upcoming,
        "due_this_week": row.due_this_week,
        "overdue": row.overdue,
        "missing": row.missing,
        "submitted": row.submitted,
        "graded": row.graded,
    }


def _completion_rate(row: StatsRow) -> float | None:
    if not row.expecting_submission:
        return None
    return round_rate(row.done / row.expecting_submission)


def _next_due(row: StatsRow, now: datetime) -> list[orjson.Fragment]:
    columns = zip(row.next_documents, row.next_lock_reasons, row.next_parts, strict=True)
    return [
        orjson.Fragment(add_clock_members(document, "upcoming", lock_reason, parts, now))
        for document, lock_reason, parts in columns
    ]


def _courses_at_a_glance(row: StatsRow) -> list[orjson.Fragment]:
    courses = zip(row.course_documents, row.course_done_counts, row.course_totals, strict=True)
    return [
        orjson.Fragment(add_members(document, b'"done":%d,"total":%d' % (done, total)))
        for document, done, total in courses
    ]


def _activity(row: StatsRow, days: list[date]) -> list[dict[str, Any]]:
    submitted, graded = Counter(row.submitted_on), Counter(row.graded_on)
    return [{"date": day, "submitted": submitted[day], "graded": graded[day]} for day in days]
