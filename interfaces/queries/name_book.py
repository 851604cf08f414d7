"""The newest names of a connection's courses and assignments, as its events have them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from domain.events import CourseFetched
from domain.recorded_event import RecordedEvent
from interfaces.queries.event_sentences import NO_NAMES, SentenceNames


@dataclass(slots=True)
class NameBook:
    """Names by Canvas id, after the events that were added."""

    courses: dict[str, str | None] = field(default_factory=dict)
    assignments: dict[str, list[Any]] = field(default_factory=dict)
    """Name, and points for full marks."""

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """Return the names that `to_json` has given."""
        return cls(stored["courses"], stored["assignments"])

    def to_json(self) -> dict[str, Any]:
        """Return the names as a JSON object."""
        return {"courses": self.courses, "assignments": self.assignments}

    def add(self, course: Mapping[str, Any], assignments: Iterable[Mapping[str, Any]]) -> None:
        """Add what a CourseFetched has; a course whose name is hidden keeps the one before."""
        id_ = course["canvas_id"]
        self.courses[id_] = course["name"] or self.courses.get(id_)
        for item in assignments:
            self.assignments[item["canvas_id"]] = [item["name"], item["points_possible"]]

    def add_events(self, events: Iterable[RecordedEvent]) -> None:
        """Add what each CourseFetched of these events has."""
        for recorded in events:
            if isinstance(event := recorded.event, CourseFetched):
                self.add(event.course, event.assignments)

    def names_for(self, payload: Mapping[str, Any]) -> SentenceNames | None:
        """Return the names for an event; None if one is not known."""
        course, assignment = payload["course_id"], payload.get("assignment_id")
        if assignment is not None:
            if assignment not in self.assignments:
                return None
            return SentenceNames(self.courses.get(course), *self.assignments[assignment])
        if course not in self.courses:
            return NO_NAMES if payload.get("course_name") else None
        return SentenceNames(self.courses[course])
