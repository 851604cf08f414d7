"""The document of a grade change, for the grade history and for live messages."""

from typing import Any
from uuid import UUID

from domain.canvas import Score
from domain.events import GradeChanged
from domain.recorded_event import RecordedEvent
from projections.support.cached_ids import assignment_id, course_id
from projections.support.json_documents import encode, format_rfc3339
from projections.support.rounded_numbers import round_score


def encode_grade_change(
    event: GradeChanged,
    recorded: RecordedEvent,
    *,
    course_name: str | None,
    assignment_name: str | None,
) -> bytes:
    """Return the JSON of a change as `GET /canvas/grades/history` shows it.

    `event` is that of `recorded`, with its type known to the type checker. An event of an older
    release does not have the names, so the caller gives them.
    """
    return encode(
        {
            "id": recorded.event_id,
            "changed_at": format_rfc3339(recorded.recorded_at),
            "course_id": course_id(event.connection_id, event.course_id),
            "course_name": course_name,
            "assignment_id": changed_assignment_id(event),
            "assignment_name": assignment_name,
            "subject": event.subject,
            "baseline": event.baseline,
            "previous": _rounded(event.previous),
            "current": _rounded(event.current),
            "sync_id": event.sync_id,
        }
    )


def changed_assignment_id(event: GradeChanged) -> UUID | None:
    """Return our id of the assignment whose grade changed; None for a grade of the course."""
    if event.assignment_id is None:
        return None
    return assignment_id(event.connection_id, event.assignment_id)


def _rounded(score: Score | None) -> dict[str, Any] | None:
    if score is None:
        return None
    return {"score": round_score(score["score"]), "grade": score["grade"]}
