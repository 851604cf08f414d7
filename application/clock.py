"""What time it is, for whoever is not told otherwise."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Now, by the clock of this machine."""
    return datetime.now(UTC)
