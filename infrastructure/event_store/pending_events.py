"""What a save is about to append."""

from collections.abc import Sequence
from typing import cast
from uuid import UUID

from domain.aggregate import NOBODY, Aggregate
from domain.event import Event
from infrastructure.event_store.errors import MixedPersons


def pending_events(aggregates: Sequence[Aggregate]) -> list[Event]:
    """Everything that happened to these aggregates and is not saved yet, in order."""
    return [cast("Event", event) for each in aggregates for event in each.pending_events]


def person_of(aggregates: Sequence[Aggregate]) -> UUID:
    """The one person all pending events are about; raises MixedPersons."""
    people: set[UUID] = {
        vars(event).get("person_id", each.person_id)
        for each in aggregates
        for event in each.pending_events
    }
    if len(people) != 1 or NOBODY in people:
        raise MixedPersons(f"One save is about one person, not about {people}.")
    return people.pop()


def saved(aggregates: Sequence[Aggregate]) -> None:
    """Nothing is pending any more."""
    for each in aggregates:
        each.pending_events.clear()
