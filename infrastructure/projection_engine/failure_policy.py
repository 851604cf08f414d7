"""What can go wrong: the database for a while, or a projector until it is mended."""

import random
import traceback
from pathlib import Path

import psycopg

from infrastructure.event_store.errors import DatabaseBusy, DatabaseUnavailable, EventUnreadable

TRANSIENT_SQLSTATE_CLASSES = ("08", "40", "53", "55", "57", "58")
"""SQLSTATE classes that say nothing against the statement: lost, raced, full, stopped."""


def is_transient(error: BaseException) -> bool:
    """Whether the same may succeed later without anything being mended."""
    if isinstance(error, DatabaseBusy | DatabaseUnavailable | psycopg.InterfaceError):
        return True
    if not isinstance(error, psycopg.OperationalError):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(TRANSIENT_SQLSTATE_CLASSES)


def describe_error(error: BaseException) -> str:
    """An error without a word of what it was about: events are nobody's business here."""
    if isinstance(error, EventUnreadable):
        return f"EventUnreadable at position {error.position} ({error.topic})"
    name = type(error).__name__
    if isinstance(error, psycopg.Error) and error.sqlstate:
        name += f" ({error.sqlstate})"
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename]
    if not ours:
        return name
    where = "/".join(Path(ours[-1].filename).parts[-2:])
    return f"{name} in {where}, line {ours[-1].lineno}, {ours[-1].name}"


class Backoff:
    """How long to wait after the next failure: 1, 2, 4 … 60 s, a random part of it left out."""

    def __init__(self, initial_seconds: float = 1, max_seconds: float = 60) -> None:
        self._initial_seconds = initial_seconds
        self._max_seconds = max_seconds
        self._failures = 0

    def next_delay(self) -> float:
        """Count one more failure."""
        longest = min(self._max_seconds, self._initial_seconds * 2.0 ** min(self._failures, 20))
        self._failures += 1
        return longest * random.uniform(0.5, 1)  # noqa: S311  # spreads load, guards nothing

    def reset(self) -> None:
        """Begin again after a success."""
        self._failures = 0
