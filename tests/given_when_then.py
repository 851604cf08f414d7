"""Tests of an aggregate: given past decisions, when it decides, then these events or this error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar
from uuid import UUID

import pytest

from domain.aggregate import Aggregate
from domain.event import Event

A = TypeVar("A", bound=Aggregate)
ENVELOPE = {"originator_id", "originator_version", "timestamp"}
STREAM = UUID("00000000-0000-4000-8000-000000000001")

Decision = Callable[[A], object]
EventRecord = tuple[type[Any], dict[str, Any]]


def take_pending(aggregate: Aggregate) -> list[EventRecord]:
    """Collect the pending events of the aggregate: their types and their own fields."""
    return [(type(event), event_fields(event)) for event in aggregate.collect_events()]


def event_fields(event: Any) -> dict[str, Any]:
    """The fields of an event without stream, version and time."""
    names = {field.name for field in fields(event)} - ENVELOPE
    return {name: getattr(event, name) for name in names}


@dataclass(frozen=True)
class Given(Generic[A]):
    """An aggregate that has made decisions."""

    aggregate: A

    def when(self, decide: Decision[A]) -> When[A]:
        """State the decision under test; `then` or `then_refused` executes it."""
        return When(self.aggregate, decide)


@dataclass(frozen=True)
class When(Generic[A]):
    """A decision that is not executed yet."""

    aggregate: A
    decide: Decision[A]

    def then(self, *expected: type[Event]) -> list[dict[str, Any]]:
        """Assert that the decision records events of these types, in order; return their fields."""
        self.decide(self.aggregate)
        recorded = take_pending(self.aggregate)
        assert [kind.__name__ for kind, _ in recorded] == [kind.__name__ for kind in expected]
        return [content for _, content in recorded]

    def then_refused(self, error: Exception) -> None:
        """Assert that the decision raises this error and records no event."""
        with pytest.raises(type(error)) as raised:
            self.decide(self.aggregate)
        assert raised.value == error
        assert take_pending(self.aggregate) == []


def given(kind: type[A], *past: Decision[A]) -> Given[A]:
    """Create an aggregate that has made these decisions."""
    aggregate = kind.new(STREAM)
    for decide in past:
        decide(aggregate)
    aggregate.collect_events()
    return Given(aggregate)
