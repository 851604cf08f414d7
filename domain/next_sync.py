"""Applies the schedule to the aggregates of a connection, and chooses the mode of the next run."""

from datetime import datetime, timedelta

from domain.connection import Connection
from domain.errors import SyncNotDue
from domain.sync import Sync
from domain.sync_schedule import Schedule, needs_full_sync


def next_run_at(connection: Connection, sync: Sync, interval: timedelta) -> datetime | None:
    """Return when the next run is due; None if the connection is not active.

    While a run is active, the next one is due an interval after its request.
    """
    if connection.status != "active" or connection.opened_at is None:
        return None
    opened_at = datetime.fromisoformat(connection.opened_at)
    schedule = sync.schedule or Schedule.at_opening(connection.id, opened_at)
    return schedule.due_at(interval)


def require_due(connection: Connection, sync: Sync, *, now: datetime, interval: timedelta) -> None:
    """Refuse a scheduled run that is not due; the read model that the scanner reads can lag.

    Raises: SyncNotDue if the run is due later than `now`, or never.
    """
    due_at = next_run_at(connection, sync, interval)
    if due_at is None or due_at > now:
        raise SyncNotDue(connection.id)


def choose_mode(sync: Sync, requested_mode: str, *, now: datetime, interval: timedelta) -> str:
    """Return `full` or `incremental`, the mode of a run that is requested at `now`.

    A run is full if `requested_mode` is `full`, or if the run after it would be too late.
    """
    last_full = datetime.fromisoformat(sync.last_full_sync_at) if sync.last_full_sync_at else None
    is_full = requested_mode == "full" or needs_full_sync(last_full, now, interval)
    return "full" if is_full else "incremental"
