"""When a connection's next run is due, by all that was recorded about it."""

from datetime import datetime, timedelta

from domain.connection import Connection
from domain.errors import SyncNotDue
from domain.sync import Sync
from domain.sync_schedule import due_at, wait_of


def next_run_at(connection: Connection, sync: Sync, interval: timedelta) -> datetime | None:
    """When the next run is due; None where there is no token that works.

    While a run is live that is an interval after it was asked for.
    """
    since = sync.rested_at or connection.opened_at
    if connection.status != "active" or since is None:
        return None
    wait = wait_of(connection.id, 0 if sync.live else sync.failures)
    return due_at(datetime.fromisoformat(since), wait, interval)


def must_be_due(connection: Connection, sync: Sync, *, now: datetime, interval: timedelta) -> None:
    """Refuse a run that the clock asks for too early, as what it goes by may lag behind."""
    due = next_run_at(connection, sync, interval)
    if due is None or due > now:
        raise SyncNotDue(connection.id)
