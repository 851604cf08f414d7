"""The clock of the sandbox, and its times: whole seconds since 1970, or RFC 3339 in JSON."""

import time
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import overload

DAY_SECONDS = 86_400
DENVER_TIME_ZONE = timezone(timedelta(hours=-7))


class SandboxClock:
    """The time of the sandbox; it runs, or is stopped at a given time."""

    def __init__(self, stopped_at: datetime | None) -> None:
        self._stopped_at = int(stopped_at.timestamp()) if stopped_at else None
        self._offset_seconds = 0

    def now(self) -> int:
        """The current time in seconds since 1970."""
        stopped_at = self._stopped_at
        return (int(time.time()) if stopped_at is None else stopped_at) + self._offset_seconds

    def advance(self, seconds: int) -> None:
        """Move the clock forward."""
        self._offset_seconds += seconds


@overload
def format_time(timestamp: int) -> str: ...
@overload
def format_time(timestamp: None) -> None: ...
@overload
def format_time(timestamp: int | None) -> str | None: ...
@lru_cache(maxsize=50_000)
def format_time(timestamp: int | None) -> str | None:
    """Format a time as Canvas does: `2026-09-01T05:59:59Z`; None for None."""
    if timestamp is None:
        return None
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(timestamp))


def format_local_time(timestamp: int) -> str:
    """Format a time in the time zone of the user, as Canvas does in the fields of users."""
    return datetime.fromtimestamp(timestamp, DENVER_TIME_ZONE).isoformat()


def parse_time(value: datetime | str | float) -> int:
    """Convert a datetime, an ISO 8601 text or seconds since 1970 to seconds since 1970.

    Raises: ValueError if the text is not valid.
    """
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return int(aware.timestamp())
    return int(value)


def end_of_day(timestamp: int) -> int:
    """The end of a day in Denver (UTC-6), which Canvas sets if a due date has no time."""
    return timestamp - timestamp % DAY_SECONDS + 6 * 3600 - 1
