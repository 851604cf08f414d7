"""A read model as the engine sees it; projections.registry has the real ones."""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, Protocol

from psycopg import Cursor

from domain.event import EVENTS, Event
from domain.recorded_event import Recorded


class ReadModel(Protocol):
    """Tables, and the function that takes events into them."""

    @property
    def name(self) -> str:
        """What it is called, and its folder."""

    @property
    def version(self) -> int:
        """The version of its code: one more with each change of what it makes of events."""

    @property
    def hears(self) -> tuple[type[Event], ...]:
        """The events it is made of."""

    @property
    def project(self) -> Callable[[Sequence[Recorded], Cursor[Any]], None]:
        """Takes a batch of events into its tables, found through the search path."""

    @property
    def schema_sql(self) -> str:
        """Creates its tables."""

    @property
    def tables(self) -> tuple[str, ...]:
        """Those of its tables that are asked, through views of the same names."""


def fingerprint(model: ReadModel) -> str:
    """What two programs share exactly when one can go on with the other's tables."""
    said = "\n".join((str(model.version), model.schema_sql, *model.tables))
    return blake2b(said.encode(), digest_size=8).hexdigest()


def topics(models: Sequence[ReadModel]) -> list[str]:
    """The stored names of all events that any of these hears."""
    heard = {kind for model in models for kind in model.hears}
    return [name for name, kind in EVENTS.items() if kind in heard]


def heard_by(model: ReadModel, events: Sequence[Recorded]) -> list[Recorded]:
    """The events a read model hears; what was redacted is heard by none."""
    kinds = frozenset(model.hears)
    return [recorded for recorded in events if type(recorded.event) in kinds]
