"""Applies events to `dashboard_assignments`: one row for each assignment."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.canvas import Assignment, assignment_score
from domain.events import CourseFetched
from domain.recorded_event import RecordedEvent
from projections.support.assignment_document import encode_assignment
from projections.support.assignment_status import expects_submission, settled_status
from projections.support.cached_ids import assignment_id, course_id
from projections.support.json_documents import format_rfc3339, parse_time
from projections.support.upsert import Upsert

Row = tuple[Any, ...]
LatestAssignment = tuple[Assignment, UUID, UUID, RecordedEvent]
"""An assignment, the ids of its connection and course, and the last event that contains it."""

ASSIGNMENTS = Upsert(
    "dashboard_assignments",
    {
        "assignment_id": "uuid",
        "connection_id": "uuid",
        "person_id": "uuid",
        "course_id": "uuid",
        "due_at": "timestamptz",
        "unlock_at": "timestamptz",
        "lock_at": "timestamptz",
        "settled": "text",
        "asks_for_work": "boolean",
        "submitted_at": "timestamptz",
        "graded_at": "timestamptz",
        "document": "bytea",
        "position": "bigint",
    },
    key="assignment_id",
)


def record_assignments(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Apply a batch of events, without those of ended connections, to `dashboard_assignments`.

    Of each assignment only the last event of the batch matters.
    """
    latest: dict[UUID, LatestAssignment | None] = {}
    for recorded in events:
        event = recorded.event
        if not isinstance(event, CourseFetched):
            continue
        for canvas_id in event.removed:
            latest[assignment_id(event.connection_id, canvas_id)] = None
        course = course_id(event.connection_id, event.course["canvas_id"])
        for assignment in event.assignments:
            id_ = assignment_id(event.connection_id, assignment["canvas_id"])
            latest[id_] = (assignment, event.connection_id, course, recorded)
    _delete([id_ for id_, last in latest.items() if last is None], cursor)
    ASSIGNMENTS.execute(
        [_row(id_, *last) for id_, last in latest.items() if last is not None], cursor
    )


def _row(
    id_: UUID, assignment: Assignment, connection_id: UUID, course: UUID, recorded: RecordedEvent
) -> Row:
    document = encode_assignment(
        assignment,
        id_=id_,
        connection_id=connection_id,
        course_id=course,
        updated_at=format_rfc3339(recorded.recorded_at),
    )
    owner = (id_, connection_id, recorded.person_id, course)
    return (*owner, *_status_and_times(assignment), document, recorded.position)


def _status_and_times(assignment: Assignment) -> Row:
    """Return the values of the columns from `due_at` to `graded_at`.

    `graded_at` is left empty if the grade is not posted, because the student cannot see it.
    """
    submission = assignment["submission"]
    graded = submission is not None and assignment_score(assignment) is not None
    return (
        parse_time(assignment["due_at"]),
        parse_time(assignment["unlock_at"]),
        parse_time(assignment["lock_at"]),
        settled_status(assignment),
        expects_submission(assignment),
        parse_time(submission["submitted_at"]) if submission else None,
        parse_time(submission["graded_at"]) if submission and graded else None,
    )


def _delete(ids: list[UUID], cursor: Cursor[Any]) -> None:
    if ids:
        cursor.execute(
            "DELETE FROM dashboard_assignments WHERE assignment_id = ANY(%b::uuid[])", [ids]
        )
