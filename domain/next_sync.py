"""When a connection's next run is due, by all that was recorded about it."""

from datetime import datetime, timedelta

from domain.connection import Connection
from domain.errors import SyncNotDue
from domain.sync import Sync
from domain.sync_schedule import delay_index, next_due_at


def next_run_at(connection: Connection, sync: Sync, interval: timedelta) -> datetime | None:
    """When the next run is due; None where there is no token that works.

    While a run is live that is an interval after it was asked for.
    """
    idle_since = sync.idle_since or connection.opened_at
    if connection.status != "active" or idle_since is None:
        return None
    index = delay_index(connection.id, 0 if sync.active_run else sync.consecutive_failures)
    return next_due_at(datetime.fromisoformat(idle_since), index, interval)


def require_due(connection: Connection, sync: Sync, *, now: datetime, interval: timedelta) -> None:
    """Refuse a run that the clock asks for too early, as what it goes by may lag behind."""
    due_at = next_run_at(connection, sync, interval)
    if due_at is None or due_at > now:
        raise SyncNotDue(connection.id)
