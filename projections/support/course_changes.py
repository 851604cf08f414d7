"""The last change of each course in a batch of events, for the read models with a row a course."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from domain.events import CourseFetched, CourseWithdrawn
from domain.recorded_event import RecordedEvent
from projections.support.cached_ids import course_id


class ReadCourse(NamedTuple):
    """A course that Canvas shows completely; `event` is that of `recorded`."""

    event: CourseFetched
    recorded: RecordedEvent


class HiddenCourse(NamedTuple):
    """A withdrawn or restricted course: a row that exists keeps everything but its state."""

    first: CourseFetched | None
    """The first restricted course of the batch, for a row that does not exist; else None."""
    recorded: RecordedEvent
    """The last event, which decides the state."""

    @property
    def is_withdrawn(self) -> bool:
        """Whether Canvas does not have the course any more."""
        return isinstance(self.recorded.event, CourseWithdrawn)


class CourseChanges(NamedTuple):
    """What a batch changes, by our ids of the courses.

    If a course is in both, `read` comes before `hidden`.
    """

    read: dict[UUID, ReadCourse]
    hidden: dict[UUID, HiddenCourse]


def course_changes(events: Sequence[RecordedEvent]) -> CourseChanges:
    """Return the last change of each course in a batch."""
    changes = CourseChanges({}, {})
    for recorded in events:
        event = recorded.event
        if isinstance(event, CourseFetched):
            id_ = course_id(event.connection_id, event.course["canvas_id"])
            if event.course["state"] == "restricted":
                before = changes.hidden.get(id_)
                changes.hidden[id_] = HiddenCourse((before and before.first) or event, recorded)
            else:
                changes.read[id_] = ReadCourse(event, recorded)
                changes.hidden.pop(id_, None)
        elif isinstance(event, CourseWithdrawn):
            id_ = course_id(event.connection_id, event.course_id)
            before = changes.hidden.get(id_)
            changes.hidden[id_] = HiddenCourse(before and before.first, recorded)
    return changes
