"""Keeps from what an aggregate in hand was folded, to give it the times of the log.

The events that a process appends have the times of the process until they are in the log.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

import orjson

from domain.aggregate import Aggregate
from domain.event import Event

FOLD_ATTRIBUTE = "_fold"
"""The attribute of an aggregate that has its fold."""
TIMELINE_ATTRIBUTE = "_timeline"
"""The attribute that has the timeline on which an aggregate was loaded or saved."""
UNSTORED_ATTRIBUTES = frozenset(
    {"_id", "_version", "_pending_events", TIMELINE_ATTRIBUTE, FOLD_ATTRIBUTE}
)
"""Attributes that a snapshot stores in columns or not at all."""

CHANGED_ENTRY_COST = 20
"""What a changed entry of a cache costs the next load, in events."""
NEW_ENTRY_COST = 1000
"""The same of a new one: it makes a snapshot due, or each later load would miss it again."""

Caches = dict[str, dict[str, str]]
"""The attributes `CACHES` of an aggregate."""


@dataclass(slots=True)
class Fold:
    """What was loaded, except what has no times, and the events that were appended to it.

    Every two are equal: they are no part of the state of an aggregate.
    """

    loaded: bytes = field(compare=False, repr=False)
    """The state with the times of the log, as JSON, without TIMELESS and CACHES."""
    version: int = field(compare=False)
    """The version of that state."""
    cost: int = field(compare=False)
    """The size of the events after the last snapshot."""
    caches: Caches = field(compare=False)
    """As they were loaded, or in the last snapshot."""
    appended: list[Event] = field(compare=False, repr=False)
    """Events with the times of this process."""

    def cost_with(self, caches: Caches) -> int:
        """Return what the next load costs without a snapshot, in events, with these caches."""
        cost = self.cost
        for name, entries in caches.items():
            before = self.caches[name]
            for key, value in entries.items():
                if key not in before:
                    cost += NEW_ENTRY_COST
                elif before[key] != value:
                    cost += CHANGED_ENTRY_COST
        return cost

    def continue_from(self, state: Aggregate, caches: Caches) -> None:
        """Begin with a state of which a snapshot was saved, unless a later one was."""
        if state.version >= self.version:
            self.appended = [
                each for each in self.appended if each.originator_version > state.version
            ]
            self.loaded, self.version, self.caches = timed_state(state), state.version, caches
            self.cost = sum(event.size for event in self.appended)


def begin_fold(aggregate: Aggregate, events: Iterable[Event]) -> None:
    """Note the state of an aggregate that was just loaded; `events` are those after a snapshot."""
    vars(aggregate)[FOLD_ATTRIBUTE] = Fold(
        loaded=timed_state(aggregate),
        version=aggregate.version,
        cost=sum(event.size for event in events),
        caches=caches_of(aggregate),
        appended=[],
    )


def timed_state(aggregate: Aggregate) -> bytes:
    """Return the state of an aggregate as JSON, without TIMELESS and CACHES."""
    left_out = {*UNSTORED_ATTRIBUTES, *aggregate.TIMELESS, *aggregate.CACHES}
    return orjson.dumps({k: v for k, v in vars(aggregate).items() if k not in left_out})


def extend_fold(aggregate: Aggregate) -> None:
    """Note that the pending events of an aggregate are appended.

    If other events are before them, which this aggregate has not applied, the fold ends.
    """
    events = [cast("Event", event) for event in aggregate.pending_events]
    fold = fold_of(aggregate)
    if not fold or not events:
        return
    if events[0].originator_version == fold.version + len(fold.appended) + 1:
        fold.appended += events
        fold.cost += sum(event.size for event in events)
    else:
        del vars(aggregate)[FOLD_ATTRIBUTE]


def fold_of(aggregate: Aggregate) -> Fold | None:
    """Return the fold of an aggregate; None if it was not loaded, or its fold ended."""
    fold: Fold | None = vars(aggregate).get(FOLD_ATTRIBUTE)
    return fold


def cost_since_snapshot(aggregate: Aggregate) -> int:
    """Return what the next load costs without a new snapshot, in events."""
    fold = fold_of(aggregate)
    return fold.cost_with(caches_of(aggregate)) if fold else aggregate.version


def caches_of(aggregate: Aggregate) -> Caches:
    """Return a copy of the caches of an aggregate."""
    attributes: dict[str, Any] = vars(aggregate)
    return {name: attributes[name].copy() for name in aggregate.CACHES}
