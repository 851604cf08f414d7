"""Rebuilds aggregates from snapshots and events."""

from collections.abc import Iterable
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.domain import Snapshot

from domain.aggregate import Aggregate
from domain.event import Redacted
from infrastructure.event_store.folds import UNSTORED_ATTRIBUTES, begin_fold

A = TypeVar("A", bound=Aggregate)


def rehydrate(
    aggregate_class: type[A], stream: UUID, snapshot: Snapshot | None, events: Iterable[Any]
) -> A:
    """Rebuild an aggregate from a snapshot, if there is one, and the events after it.

    Without either, the aggregate is new, at version 0. A redacted event only sets the version.
    """
    aggregate = aggregate_class.new(stream)
    applied = list(events)
    if snapshot:
        restore(aggregate, snapshot)
    for event in applied:
        if isinstance(event, Redacted):
            aggregate.version = event.originator_version
        else:
            event.mutate(aggregate)
    begin_fold(aggregate, applied)
    return aggregate


def snapshot_state(aggregate: Aggregate) -> dict[str, Any]:
    """Return the attributes that a snapshot stores."""
    return {
        name: value for name, value in vars(aggregate).items() if name not in UNSTORED_ATTRIBUTES
    }


def restore(aggregate: Aggregate, snapshot: Snapshot) -> None:
    """Set a new aggregate to the state and the version of a snapshot."""
    vars(aggregate).update(snapshot.state)
    aggregate.version = snapshot.originator_version
