"""The query of the list of connections for admins: those that fail first, worst first.

The read model `sync_log` has one row for each open connection, with an index of those that fail in
the order of this list, and one of all others by host. A page is read from both.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from psycopg import sql

from domain.errors import CanvasTokenRejected
from interfaces.queries.admin.host_names import host_of, origins_of
from projections.support.page import (
    Page,
    decode_cursor,
    encode_cursor,
    parse_position_key,
    parse_text_key,
    parse_time_key,
    rows_to_fetch,
)
from projections.support.query import Query
from projections.support.schedule_row import JOIN_OPEN_UNTIL, SCHEDULE_COLUMNS, ScheduleRow
from projections.support.search import fold_case

SEARCHED_CONNECTIONS = 2000
"""Connections of which a page selects those with a text."""
REJECTED_OUTSIDE_A_SYNC = "Canvas rejected the token when it was checked outside a sync."

FAILING = """
(
    SELECT *, FALSE AS healthy
      FROM read.sync_standings
     WHERE failed_runs > 0
       AND NOT %(after_healthy)s::boolean
       AND (partial, -failed_runs, failing_since, connection_id) > (
               %(after_partial)s::boolean, %(after_failures)s::integer,
               %(after_since)s::timestamptz, %(after_id)s::uuid
           )
       {conditions}
     ORDER BY partial, -failed_runs, failing_since, connection_id
     LIMIT %(limit)s
)
"""
HEALTHY = """
(
    SELECT *, TRUE AS healthy
      FROM read.sync_standings
     WHERE failed_runs = 0
       AND (origin, connection_id) > (%(after_origin)s::text, %(after_healthy_id)s::uuid)
       {conditions}
     ORDER BY origin, connection_id
     LIMIT %(limit)s
)
"""
AT_HOST = """
AND origin = (
    SELECT coalesce(
               (
                   SELECT origin
                     FROM read.sync_standings
                    WHERE failed_runs > 0
                      AND origin = %(http_origin)s
                    LIMIT 1
               ),
               (
                   SELECT origin
                     FROM read.sync_standings
                    WHERE failed_runs = 0
                      AND origin = %(http_origin)s
                    LIMIT 1
               ),
               %(origin)s
           )
)
"""
"""A host has one address; http is possible only where CANVAS_ALLOW_PRIVATE permits it."""
WITH_CODE = "AND error_code = %(code)s"
WITH_ID = "AND (connection_id = %(wanted_id)s OR person_id = %(wanted_id)s)"
BY_STATUS = {
    "active": "AND active",
    "token_rejected": "AND error_code = %(rejected)s AND NOT active",
    "failing": "AND NOT partial",
    "partial": "AND partial",
}

LISTED = """
SELECT connection_id, person_id, origin, healthy, partial, failed_runs, failing_since, failed_at,
       error_code, failed_sync_id, synced_at, failed.document,
       CASE WHEN live THEN newest.status ELSE 'idle' END, {schedule}
  FROM ({branches}) AS listed
  LEFT JOIN LATERAL (
           SELECT document FROM read.syncs WHERE sync_id = listed.failed_sync_id LIMIT 1
       ) AS failed
    ON TRUE
  LEFT JOIN LATERAL (
           SELECT status FROM read.syncs WHERE sync_id = listed.sync_id AND listed.live LIMIT 1
       ) AS newest
    ON TRUE
  {join_open_until}
 ORDER BY healthy, partial, -failed_runs, failing_since, origin, connection_id
 LIMIT %(limit)s
"""
"""Each LIMIT 1 makes the planner look up one row by its key, whatever it expects of the page."""

START = (False, False, -(2**31), "-infinity", "", UUID(int=0))
"""The sort keys before the first row."""


@lru_cache
def _statement(status: str | None, *, has_code: bool, has_host: bool, has_id: bool) -> sql.Composed:
    conditions = " ".join(
        (
            WITH_CODE if has_code else "",
            AT_HOST if has_host else "",
            WITH_ID if has_id else "",
            BY_STATUS[status] if status else "",
        )
    )
    branches = [FAILING] if has_code or status not in {None, "active"} else [FAILING, HEALTHY]
    return sql.SQL(LISTED).format(
        schedule=SCHEDULE_COLUMNS,
        join_open_until=JOIN_OPEN_UNTIL,
        branches=sql.SQL(" UNION ALL ".join(branches)).format(conditions=sql.SQL(conditions)),
    )


class ConnectionFailureRow(NamedTuple):
    """A row of the statement, without its schedule, in the order of its columns."""

    id: UUID
    person_id: UUID
    origin: str
    is_healthy: bool
    is_partial: bool
    failures: int
    failing_since: datetime | None
    last_failed_at: datetime | None
    code: str | None
    last_failed_sync_id: UUID | None
    last_synced_at: datetime | None
    failed_run: bytes | None
    activity: str

    @property
    def error(self) -> dict[str, str] | None:
        """The code and the text of the last failure; None if there is none."""
        if self.code is None:
            return None
        run = orjson.loads(self.failed_run) if self.failed_run else {}
        detail = (run.get("error") or {}).get("detail", REJECTED_OUTSIDE_A_SYNC)
        return {"code": self.code, "detail": detail}

    @property
    def cursor(self) -> str:
        """The cursor of the page after this connection."""
        since = self.failing_since.isoformat() if self.failing_since else None
        keys = (self.is_healthy, self.is_partial, self.failures, since, self.origin, self.id)
        return encode_cursor(*keys)

    def matches(self, q: str) -> bool:
        """Return whether an id, the host or the reason contains a text."""
        error = self.error or {}
        texts = (str(self.id), str(self.person_id), host_of(self.origin), *error.values())
        return any(fold_case(q) in fold_case(text) for text in texts)

    def encode(self, schedule: ScheduleRow, interval: timedelta) -> bytes:
        """Return the JSON of an item of `GET /api/v1/admin/connections`."""
        document = {
            "id": self.id,
            "user_id": self.person_id,
            "canvas_url": self.origin,
            "host": host_of(self.origin),
            "status": "active" if schedule.active else "token_rejected",
            "error": self.error,
            "partial": self.is_partial,
            "failures": self.failures,
            "failing_since": self.failing_since,
            "last_failed_at": self.last_failed_at,
            "last_failed_sync_id": self.last_failed_sync_id,
            "last_synced_at": self.last_synced_at,
            "next_sync_at": schedule.next_sync_at(interval),
            "sync": self.activity,
        }
        return orjson.dumps(document, option=orjson.OPT_UTC_Z)


def failing_connections(
    *,
    interval: timedelta,
    status: str | None = None,
    code: str | None = None,
    host: str | None = None,
    q: str | None = None,
    cursor: str | None = None,
    limit: int,
) -> Query[Page]:
    """Query a page of the open connections of all people, worst first.

    Those of which nothing can be read come before those of which some courses cannot be read, and
    more failures in a row before fewer. Those without a failure come last, by host. `interval` is
    the time between two syncs. `q` is an id, or a part of an id, of a host or of a reason; a part
    is searched for in a limited number of connections, so that a page may be empty and still have
    a cursor.

    Raises: BadCursor if the cursor does not belong to this list.
    """
    wanted_id = _as_id(q)
    is_search = bool(q) and wanted_id is None
    fetched = max(limit, SEARCHED_CONNECTIONS) if is_search else limit

    def build(rows: Sequence[tuple[Any, ...]]) -> Page:
        listed = [
            (ConnectionFailureRow(*row[:13]), ScheduleRow(*row[13:])) for row in rows[:fetched]
        ]
        found = [each for each in listed if each[0].matches(q or "")] if is_search else listed
        items = [each.encode(schedule, interval) for each, schedule in found[:limit]]
        if len(found) > limit:
            return Page(items, found[limit - 1][0].cursor)
        return Page(items, listed[-1][0].cursor if len(rows) > fetched else None)

    return Query(
        "sync_log",
        _statement(
            status, has_code=code is not None, has_host=host is not None, has_id=bool(wanted_id)
        ),
        {
            "code": code,
            "wanted_id": wanted_id,
            "limit": rows_to_fetch(fetched),
            **_host_parameters(host),
            **_parameters_after(cursor),
        },
        build,
    )


def _host_parameters(host: str | None) -> dict[str, str]:
    """Return the parameters that select by host or by a rejected token."""
    origin, http_origin = origins_of(host or "")
    return {"origin": origin, "http_origin": http_origin, "rejected": CanvasTokenRejected.code}


def _parameters_after(cursor: str | None) -> dict[str, Any]:
    """Return the parameters that select the rows after a cursor."""
    keys = decode_cursor(
        cursor, _parse_flag, _parse_flag, parse_position_key, parse_time_key, parse_text_key, UUID
    )
    is_healthy, is_partial, failures, since, origin, id_ = keys if cursor else START
    return {
        "after_healthy": is_healthy,
        "after_partial": is_partial,
        "after_failures": -min(failures, 2**31 - 1) if cursor else failures,
        "after_since": since or "-infinity",
        "after_id": id_,
        "after_origin": origin if is_healthy else "",
        "after_healthy_id": id_ if is_healthy else UUID(int=0),
    }


def _parse_flag(key: Any) -> bool:
    if not isinstance(key, bool):
        raise TypeError("neither true nor false")
    return key


def _as_id(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
