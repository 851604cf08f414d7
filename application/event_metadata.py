"""On whose behalf something is done: the metadata every event carries."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID


@dataclass(slots=True)
class Acting:
    """Who acts and why, and how far into the log they have written."""

    actor: str
    correlation_id: str | None = None
    causation_id: UUID | None = None
    position: int = 0
    """Of the last event appended on this behalf; 0 while there is none."""


_ACTING: ContextVar[Acting] = ContextVar("acting")


def now_acting() -> Acting:
    """Whoever acts here and now; `system` where nobody said so."""
    return _ACTING.get(None) or Acting("system")


@contextmanager
def acting(
    actor: str, *, correlation_id: str | None = None, causation_id: UUID | None = None
) -> Iterator[Acting]:
    """Do everything inside on somebody's behalf."""
    who = Acting(actor, correlation_id, causation_id)
    token = _ACTING.set(who)
    try:
        yield who
    finally:
        _ACTING.reset(token)
