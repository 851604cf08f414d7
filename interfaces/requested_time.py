"""The rule for times that a client or an operator asks for."""

from datetime import UTC, datetime

FIRST_TIME = datetime(1970, 1, 1, tzinfo=UTC)
LAST_TIME = datetime(9999, 1, 1, tzinfo=UTC)
"""A query also needs times some days before and after the one that is asked for."""


class TimeOutOfRange(ValueError):
    """The time is earlier or later than every query can compute with."""


def require_time_in_range(time: datetime) -> datetime:
    """Return a time in UTC.

    Raises: TimeOutOfRange if it is before FIRST_TIME or after LAST_TIME.
    """
    if not FIRST_TIME <= time <= LAST_TIME:
        raise TimeOutOfRange("must be from 1970-01-01T00:00:00Z to 9999-01-01T00:00:00Z")
    return time.astimezone(UTC)
