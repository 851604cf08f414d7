"""What time it is, for whoever is not told otherwise."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def the_time() -> datetime:
    """Now, by the clock of this machine."""
    return datetime.now(UTC)
