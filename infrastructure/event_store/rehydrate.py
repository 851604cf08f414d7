"""Events to aggregates."""

from collections.abc import Iterable
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.domain import Snapshot

from domain.aggregate import Aggregate
from domain.event import Redacted

A = TypeVar("A", bound=Aggregate)

LIBRARY_ATTRIBUTES = frozenset({"_id", "_version", "_pending_events"})
"""Attributes the library keeps, which a snapshot has in columns or not at all."""


def rehydrate(
    aggregate_class: type[A], stream: UUID, snapshot: Snapshot | None, events: Iterable[Any]
) -> A:
    """Fold a stream, perhaps from a snapshot on; unborn where nothing happened."""
    aggregate = aggregate_class.new(stream)
    if snapshot:
        restore(aggregate, snapshot)
    for event in events:
        if isinstance(event, Redacted):
            aggregate.version = event.originator_version
        else:
            event.mutate(aggregate)
    return aggregate


def snapshot_state(aggregate: Aggregate) -> dict[str, Any]:
    """What a snapshot keeps of an aggregate."""
    return {
        name: value for name, value in vars(aggregate).items() if name not in LIBRARY_ATTRIBUTES
    }


def restore(aggregate: Aggregate, snapshot: Snapshot) -> None:
    """Put an unborn aggregate where the snapshot was taken."""
    vars(aggregate).update(snapshot.state)
    aggregate.version = snapshot.originator_version
