"""What the engine needs to know about a read model; projections.registry has the definitions."""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, Protocol

from psycopg import Cursor

from domain.event import EVENT_TYPES, Event
from domain.recorded_event import RecordedEvent


class ReadModelDefinition(Protocol):
    """The tables of a read model, and the function that applies events to them."""

    @property
    def name(self) -> str:
        """The name of the read model and of its folder."""

    @property
    def version(self) -> int:
        """The version of the projector, raised by one whenever its rows would differ."""

    @property
    def subscribes_to(self) -> tuple[type[Event], ...]:
        """The event classes that the projector applies."""

    @property
    def project(self) -> Callable[[Sequence[RecordedEvent], Cursor[Any]], None]:
        """Applies a batch of events to the tables, which are found through the search path."""

    @property
    def schema_sql(self) -> str:
        """The statements that create the tables."""

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that queries read, through views of the same names in the schema `read`."""


def fingerprint(model: ReadModelDefinition) -> str:
    """Return a hash of version, schema and tables; if equal, existing tables can be reused."""
    definition = "\n".join((str(model.version), model.schema_sql, *model.tables))
    return blake2b(definition.encode(), digest_size=8).hexdigest()


def subscribed_topics(models: Sequence[ReadModelDefinition]) -> list[str]:
    """Return the stored names of the events that at least one of these subscribes to."""
    subscribed = {event_class for model in models for event_class in model.subscribes_to}
    return [name for name, event_class in EVENT_TYPES.items() if event_class in subscribed]


def events_for(model: ReadModelDefinition, events: Sequence[RecordedEvent]) -> list[RecordedEvent]:
    """Return the events that a read model subscribes to; redacted ones are never among them."""
    event_classes = frozenset(model.subscribes_to)
    return [recorded for recorded in events if type(recorded.event) in event_classes]
