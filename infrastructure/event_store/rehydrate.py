"""Rebuilds aggregates from snapshots and events."""

from collections.abc import Iterable
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.domain import Snapshot

from domain.aggregate import Aggregate
from domain.event import Redacted

A = TypeVar("A", bound=Aggregate)

TIMELINE_ATTRIBUTE = "_timeline"
"""The attribute that has the timeline on which an aggregate was loaded or saved."""

UNSTORED_ATTRIBUTES = frozenset({"_id", "_version", "_pending_events", TIMELINE_ATTRIBUTE})
"""Attributes that a snapshot stores in columns or not at all."""


def rehydrate(
    aggregate_class: type[A], stream: UUID, snapshot: Snapshot | None, events: Iterable[Any]
) -> A:
    """Rebuild an aggregate from a snapshot, if there is one, and the events after it.

    Without either, the aggregate is new, at version 0. A redacted event only sets the version.
    """
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
    """Return the attributes that a snapshot stores."""
    return {
        name: value for name, value in vars(aggregate).items() if name not in UNSTORED_ATTRIBUTES
    }


def restore(aggregate: Aggregate, snapshot: Snapshot) -> None:
    """Set a new aggregate to the state and the version of a snapshot."""
    vars(aggregate).update(snapshot.state)
    aggregate.version = snapshot.originator_version
