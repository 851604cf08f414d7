"""The events of aggregates that are not saved yet, and the timeline that they were decided on."""

from collections.abc import Sequence
from typing import cast
from uuid import UUID

from domain.aggregate import NO_PERSON, Aggregate
from domain.event import Event
from infrastructure.event_store.errors import MixedPersons
from infrastructure.event_store.folds import TIMELINE_ATTRIBUTE, extend_fold


def pending_events(aggregates: Sequence[Aggregate]) -> list[Event]:
    """Return the events of these aggregates that are not saved yet, in order."""
    return [cast("Event", event) for aggregate in aggregates for event in aggregate.pending_events]


def require_one_person(aggregates: Sequence[Aggregate]) -> UUID:
    """Return the person that all pending events are about.

    Raises: MixedPersons if they are about several people, or about no person.
    """
    person_ids: set[UUID] = {
        vars(event).get("person_id", aggregate.person_id)
        for aggregate in aggregates
        for event in aggregate.pending_events
    }
    if len(person_ids) != 1 or NO_PERSON in person_ids:
        raise MixedPersons(f"The events of one save must be about one person, not {person_ids}.")
    return person_ids.pop()


def clear_pending_events(aggregates: Sequence[Aggregate]) -> None:
    """Remove the pending events, which are saved now."""
    for aggregate in aggregates:
        extend_fold(aggregate)
        aggregate.pending_events.clear()


def set_timeline(aggregates: Sequence[Aggregate], timeline: int) -> None:
    """Note on which timeline of the log aggregates were loaded or saved."""
    for aggregate in aggregates:
        vars(aggregate)[TIMELINE_ATTRIBUTE] = timeline


def common_timeline(aggregates: Sequence[Aggregate], newest: int) -> int:
    """Return the timeline that aggregates were loaded on: the newest one if all are new.

    If it is not the newest one, an append is refused, because what they have may be lost.
    """
    timelines = {vars(aggregate).get(TIMELINE_ATTRIBUTE, newest) for aggregate in aggregates}
    timelines.discard(newest)
    return timelines.pop() if timelines else newest
