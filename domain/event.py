"""What every event of ours is: a fact in one stream, kept under a name that never changes."""

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from eventsourcing.domain import AggregateEvent
from eventsourcing.utils import register_topic

EVENT_TYPES: dict[str, type["Event"]] = {}
"""Every event class by its stored name."""


class Event(AggregateEvent):
    """A fact about one stream."""

    ENCRYPTED: ClassVar[bool] = True
    """Whether the state is encrypted with the key of the person it is about."""

    def apply(self, aggregate: Any) -> None:
        """Let the aggregate take this fact in."""
        aggregate.evolve(self)


class Redacted(Event):
    """What is left of an event whose person was erased: that it happened, not what it said."""

    topic: str


E = TypeVar("E", bound=Event)


def stored_as(name: str) -> Callable[[type[E]], type[E]]:
    """Pin the name an event is stored under, so that moving or renaming its class loses nothing."""

    def register(event: type[E]) -> type[E]:
        event.TOPIC = name  # type: ignore[attr-defined]  # the library looks the name up here
        register_topic(name, event)
        EVENT_TYPES[name] = event
        return event

    return register
