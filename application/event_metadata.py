"""The metadata of the events that a command appends: who caused them, and why."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID


@dataclass(slots=True)
class EventMetadata:
    """The metadata of appended events, and the position of the last one."""

    actor: str
    """Who acts: a user id, or a part of the program such as `worker`."""
    correlation_id: str | None = None
    """The id of everything that belongs together: a request id or a sync id."""
    causation_id: UUID | None = None
    """The id of the event that caused the appended ones; always None: no command sets it yet."""
    position: int = 0
    """The position of the last event that was appended with this metadata; 0 if there is none."""


_CURRENT: ContextVar[EventMetadata] = ContextVar("event_metadata")


def current_metadata() -> EventMetadata:
    """Return the metadata of the current context; outside of one, the actor is `system`."""
    return _CURRENT.get(None) or EventMetadata("system")


@contextmanager
def with_event_metadata(
    actor: str, *, correlation_id: str | None = None, causation_id: UUID | None = None
) -> Iterator[EventMetadata]:
    """Set the metadata for all appends inside the `with` block."""
    metadata = EventMetadata(actor, correlation_id, causation_id)
    token = _CURRENT.set(metadata)
    try:
        yield metadata
    finally:
        _CURRENT.reset(token)
