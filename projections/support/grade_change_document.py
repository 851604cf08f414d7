"""The document of a grade change, for the grade history and for live messages."""

from uuid import UUID

from domain.events import GradeChanged
from domain.recorded_event import RecordedEvent
from projections.support.cached_ids import assignment_id, course_id
from projections.support.json_documents import encode, format_rfc3339


def encode_grade_change(event: GradeChanged, recorded: RecordedEvent) -> bytes:
    """Return the JSON of a change as `GET /canvas/grades/history` shows it.

    `event` is that of `recorded`, with its type known to the type checker.
    """
    return encode(
        {
            "changed_at": format_rfc3339(recorded.recorded_at),
            "course_id": course_id(event.connection_id, event.course_id),
            "assignment_id": changed_assignment_id(event),
            "subject": event.subject,
            "previous": event.previous,
            "current": event.current,
            "sync_id": event.sync_id,
        }
    )


def changed_assignment_id(event: GradeChanged) -> UUID | None:
    """Return our id of the assignment whose grade changed; None for a grade of the course."""
    if event.assignment_id is None:
        return None
    return assignment_id(event.connection_id, event.assignment_id)
