"""The last change of each assignment in a batch of events."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from domain.canvas import Assignment
from domain.events import CourseFetched
from domain.recorded_event import RecordedEvent
from projections.support.cached_ids import assignment_id, course_id


class ReadAssignment(NamedTuple):
    """An assignment as the last event of a batch has it, with our ids."""

    id: UUID
    connection_id: UUID
    course_id: UUID
    assignment: Assignment
    recorded: RecordedEvent
    times: int
    """How many events of the batch have it, since it was last removed."""


class AssignmentChanges(NamedTuple):
    """What a batch changes: the rows in `removed` are deleted before those of `read` are written.

    An assignment is in both if Canvas shows it again after it was removed.
    """

    read: list[ReadAssignment]
    removed: list[UUID]

    def published_only(self) -> "AssignmentChanges":
        """Return the changes in which an assignment that is not published counts as removed."""
        hidden = [item.id for item in self.read if not item.assignment["published"]]
        published = [item for item in self.read if item.assignment["published"]]
        return AssignmentChanges(published, self.removed + hidden)


def assignment_changes(events: Sequence[RecordedEvent]) -> AssignmentChanges:
    """Return the last change of each assignment in a batch."""
    read: dict[UUID, ReadAssignment] = {}
    removed: dict[UUID, None] = {}
    for recorded in events:
        event = recorded.event
        if not isinstance(event, CourseFetched):
            continue
        connection = event.connection_id
        for canvas_id in event.removed:
            id_ = assignment_id(connection, canvas_id)
            removed[id_] = None
            read.pop(id_, None)
        course = course_id(connection, event.course["canvas_id"])
        for assignment in event.assignments:
            id_ = assignment_id(connection, assignment["canvas_id"])
            before = read.get(id_)
            times = before.times + 1 if before else 1
            read[id_] = ReadAssignment(id_, connection, course, assignment, recorded, times)
    return AssignmentChanges(list(read.values()), list(removed))
