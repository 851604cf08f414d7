"""What a save is about to append."""

from collections.abc import Sequence
from typing import cast
from uuid import UUID

from domain.aggregate import NO_PERSON, Aggregate
from domain.event import Event
from infrastructure.event_store.errors import MixedPersons


def pending_events(aggregates: Sequence[Aggregate]) -> list[Event]:
    """Everything that happened to these aggregates and is not saved yet, in order."""
    return [cast("Event", event) for aggregate in aggregates for event in aggregate.pending_events]


def require_one_person(aggregates: Sequence[Aggregate]) -> UUID:
    """The one person all pending events are about; raises MixedPersons."""
    person_ids: set[UUID] = {
        vars(event).get("person_id", aggregate.person_id)
        for aggregate in aggregates
        for event in aggregate.pending_events
    }
    if len(person_ids) != 1 or NO_PERSON in person_ids:
        raise MixedPersons(f"One save is about one person, not about {person_ids}.")
    return person_ids.pop()


def clear_pending_events(aggregates: Sequence[Aggregate]) -> None:
    """Nothing is pending any more."""
    for aggregate in aggregates:
        aggregate.pending_events.clear()
