"""A read model as the engine sees it; projections.registry has the real ones."""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, Protocol

from psycopg import Cursor

from domain.event import EVENT_TYPES, Event
from domain.recorded_event import RecordedEvent


class ReadModelDefinition(Protocol):
    """Tables, and the function that takes events into them."""

    @property
    def name(self) -> str:
        """What it is called, and its folder."""

    @property
    def version(self) -> int:
        """The version of its code: one more with each change of what it makes of events."""

    @property
    def subscribes_to(self) -> tuple[type[Event], ...]:
        """The events it is made of."""

    @property
    def project(self) -> Callable[[Sequence[RecordedEvent], Cursor[Any]], None]:
        """Takes a batch of events into its tables, found through the search path."""

    @property
    def schema_sql(self) -> str:
        """Creates its tables."""

    @property
    def tables(self) -> tuple[str, ...]:
        """Those of its tables that are asked, through views of the same names."""


def fingerprint(model: ReadModelDefinition) -> str:
    """What two programs share exactly when one can go on with the other's tables."""
    definition = "\n".join((str(model.version), model.schema_sql, *model.tables))
    return blake2b(definition.encode(), digest_size=8).hexdigest()


def subscribed_topics(models: Sequence[ReadModelDefinition]) -> list[str]:
    """The stored names of all events that any of these hears."""
    subscribed = {event_class for model in models for event_class in model.subscribes_to}
    return [name for name, event_class in EVENT_TYPES.items() if event_class in subscribed]


def events_for(model: ReadModelDefinition, events: Sequence[RecordedEvent]) -> list[RecordedEvent]:
    """The events a read model hears; what was redacted is heard by none."""
    event_classes = frozenset(model.subscribes_to)
    return [recorded for recorded in events if type(recorded.event) in event_classes]
