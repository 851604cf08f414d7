"""On whose behalf something is done: the metadata every event carries."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID


@dataclass(slots=True)
class EventMetadata:
    """Who acts and why, and how far into the log they have written."""

    actor: str
    correlation_id: str | None = None
    causation_id: UUID | None = None
    position: int = 0
    """Of the last event appended on this behalf; 0 while there is none."""


_CURRENT: ContextVar[EventMetadata] = ContextVar("event_metadata")


def current_metadata() -> EventMetadata:
    """Whoever acts here and now; `system` where nobody said so."""
    return _CURRENT.get(None) or EventMetadata("system")


@contextmanager
def with_event_metadata(
    actor: str, *, correlation_id: str | None = None, causation_id: UUID | None = None
) -> Iterator[EventMetadata]:
    """Do everything inside on somebody's behalf."""
    metadata = EventMetadata(actor, correlation_id, causation_id)
    token = _CURRENT.set(metadata)
    try:
        yield metadata
    finally:
        _CURRENT.reset(token)
