"""Moments: whole seconds since 1970 inside, RFC 3339 in UTC outside."""

import time
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import overload

DAY = 86_400
DENVER = timezone(timedelta(hours=-7))


class Clock:
    """The sandbox's own time, running or stopped."""

    def __init__(self, stopped_at: datetime | None) -> None:
        self._stopped_at = int(stopped_at.timestamp()) if stopped_at else None
        self._ahead = 0

    def now(self) -> int:
        """What time it is in this Canvas."""
        stopped_at = self._stopped_at
        return (int(time.time()) if stopped_at is None else stopped_at) + self._ahead

    def advance(self, seconds: int) -> None:
        """Move on at once."""
        self._ahead += seconds


@overload
def iso(moment: int) -> str: ...
@overload
def iso(moment: None) -> None: ...
@overload
def iso(moment: int | None) -> str | None: ...
@lru_cache(maxsize=50_000)
def iso(moment: int | None) -> str | None:
    """Write a moment as Canvas does: `2026-09-01T05:59:59Z`."""
    if moment is None:
        return None
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def iso_local(moment: int) -> str:
    """Write a moment in the user's own zone, as the fields of users are."""
    return datetime.fromtimestamp(moment, DENVER).isoformat()


def instant(moment: datetime | str | float) -> int:
    """Read a moment given by a test or over HTTP; raises ValueError."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if isinstance(moment, datetime):
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return int(aware.timestamp())
    return int(moment)


def end_of_day(moment: int) -> int:
    """11:59 pm in Denver on that day: what "due that day" means in Canvas."""
    return moment - moment % DAY + 6 * 3600 - 1
