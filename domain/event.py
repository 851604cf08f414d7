"""The base class of events: facts in one stream, stored under names that never change."""

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from eventsourcing.domain import AggregateEvent
from eventsourcing.utils import register_topic

EVENT_TYPES: dict[str, type["Event"]] = {}
"""Every event class by its stored name."""


class Event(AggregateEvent):
    """A fact that was recorded in one stream.

    `originator_id` is the stream, `originator_version` the version in it (from 1), and
    `timestamp` the time in UTC. Each class adds its fields.
    """

    ENCRYPTED: ClassVar[bool] = True
    """Whether the fields are stored encrypted with the key of the person whose data they are."""
    DECIDES: ClassVar[bool] = True
    """Whether a later decision may depend on the event; if not, it conflicts with no other one."""
    CLOSES: ClassVar[bool] = False
    """Whether the event ends what its stream is about.

    A read model applies it even if it cannot apply an earlier event of the stream.
    """
    CONTINUES: ClassVar[bool] = False
    """Whether the event is part of what the event before it in its stream is part of.

    It then has the correlation of that event, and not that of the command which records it.
    """
    CAUSED_BY: ClassVar[str | None] = None
    """The stored name of the event that causes it, if that is before it in the same append."""

    @property
    def size(self) -> int:
        """How many records it has: to apply it costs about as much as so many small events."""
        return 1

    def apply(self, aggregate: Any) -> None:
        """Apply the event to an aggregate; the library calls this."""
        aggregate.evolve(self)


class Redacted(Event):
    """An event of an erased person: stream, version and time, without its fields."""

    topic: str
    """The stored name of the event."""


E = TypeVar("E", bound=Event)


def stored_as(name: str) -> Callable[[type[E]], type[E]]:
    """Set the name under which an event class is stored.

    Stored events stay readable when the class is moved or renamed.
    """

    def register(event: type[E]) -> type[E]:
        event.TOPIC = name  # type: ignore[attr-defined]  # the library looks the name up here
        register_topic(name, event)
        EVENT_TYPES[name] = event
        return event

    return register
