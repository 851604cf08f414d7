"""The metadata of the events that a command appends: who caused them, and why."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from domain.event import Event
from domain.log_position import LogPosition


@dataclass(slots=True)
class EventMetadata:
    """The metadata of appended events, and the place of the last one."""

    actor: str
    """Who acts: a user id, or a part of the program such as `worker`."""
    correlation_id: str | None = None
    """The id of everything that belongs together, such as a request id; None until it is needed."""
    causation_id: UUID | None = None
    """The id of the event that caused the appended ones; None if the command itself did."""
    command_id: UUID | None = None
    """The id of the command, if the client can repeat it: a digest of its idempotency key."""
    recorded: tuple[Event, ...] = ()
    """What this command has appended already, if its response was lost and it is repeated."""
    versions: dict[UUID, int] = field(default_factory=dict)
    """The versions of the streams after the last append to each, by their ids."""
    appended: LogPosition | None = None
    """The place of the last event that was appended with this metadata; None without one."""
    event_ids: Sequence[bytes] = ()
    """The ids of the events of the last append with this metadata."""

    def correlation(self) -> str:
        """Return the correlation id; if the command has none, it gets one such as `cli-…`."""
        if self.correlation_id is None:
            self.correlation_id = f"{self.actor.partition(':')[0]}-{uuid4()}"
        return self.correlation_id

    def continue_from_last_event(self) -> None:
        """Make the last appended event the cause of those that follow."""
        if self.event_ids:
            self.causation_id = UUID(bytes=self.event_ids[-1])


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
