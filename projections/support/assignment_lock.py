"""When and why an assignment is locked: Canvas's own answer, moved on by the dates it gave.

A projector stores until when it is locked, from when it is locked again, and both reasons. A query
computes the reason at a time (`LOCK_REASON_SQL`); without a reason the assignment is not locked.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from psycopg import sql

from domain.canvas import Assignment
from projections.support.json_documents import encode, parse_time

FOREVER = datetime.max.replace(tzinfo=UTC)
"""The end of a lock that no date ends: the next event of the assignment does."""

LOCK_REASON_SQL = sql.SQL(
    "CASE WHEN locked_until > %(now)s THEN until_reason"
    " WHEN locked_from < %(now)s THEN from_reason END"
)
"""Why a row with the columns of `CLOCK_COLUMNS` is locked at the time `now`, as JSON; or NULL."""

MODULE_REASON = "It belongs to a module that is not unlocked for you yet."
UNKNOWN_REASON = "Canvas has locked it and gives no reason."


class LockTimes(NamedTuple):
    """The locks of an assignment: the reasons are JSON, for people."""

    locked_until: datetime | None
    locked_from: datetime | None
    until_reason: bytes | None
    from_reason: bytes | None


NO_LOCK = LockTimes(None, None, None, None)


def lock_of(assignment: Assignment, read_at: datetime) -> LockTimes:
    """Return the locks of an assignment that was read at `read_at`.

    Canvas's answer counts. A date moves it only if it lies after `read_at`: at `unlock_at` a lock
    by date ends, and at `lock_at` one begins. If Canvas did not answer, the dates decide alone.
    """
    unlock_at, lock_at = parse_time(assignment["unlock_at"]), parse_time(assignment["lock_at"])
    is_locked = assignment["locked_for_user"]
    if is_locked is None:
        return _lock_between(unlock_at, lock_at)
    if not is_locked:
        return _lock_between(None, lock_at) if _is_after(lock_at, read_at) else NO_LOCK
    reason = assignment["lock_explanation"] or _reason(assignment, unlock_at, lock_at, read_at)
    if assignment["locked_by"] == "date" and _is_after(unlock_at, read_at):
        return _lock_between(unlock_at, lock_at)._replace(until_reason=encode(reason))
    return LockTimes(FOREVER, None, encode(reason), None)


def _lock_between(unlock_at: datetime | None, lock_at: datetime | None) -> LockTimes:
    return LockTimes(
        unlock_at,
        lock_at,
        encode(_opens(unlock_at)) if unlock_at else None,
        encode(_closed(lock_at)) if lock_at else None,
    )


def _reason(
    assignment: Assignment, unlock_at: datetime | None, lock_at: datetime | None, read_at: datetime
) -> str:
    if assignment["locked_by"] == "module":
        return MODULE_REASON
    if assignment["locked_by"] == "date":
        if unlock_at and _is_after(unlock_at, read_at):
            return _opens(unlock_at)
        if lock_at:
            return _closed(lock_at)
    return UNKNOWN_REASON


def _is_after(at: datetime | None, read_at: datetime) -> bool:
    return at is not None and at > read_at


def _opens(at: datetime) -> str:
    return f"It opens on {at.astimezone(UTC):%Y-%m-%d at %H:%M} UTC."


def _closed(at: datetime) -> str:
    return f"It closed on {at.astimezone(UTC):%Y-%m-%d at %H:%M} UTC."
