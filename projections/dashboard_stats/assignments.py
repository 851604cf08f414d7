"""The assignments behind the figures."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.canvas import Assignment, assignment_score
from domain.events import CourseFetched
from domain.recorded_event import RecordedEvent
from projections.support.assignment_document import (
    encode_assignment,
    expects_submission,
    settled_status,
)
from projections.support.cached_ids import assignment_id, course_id
from projections.support.json_documents import format_rfc3339, parse_time
from projections.support.sql_arrays import to_columns

Row = tuple[Any, ...]
LatestAssignment = tuple[Assignment, UUID, UUID, RecordedEvent]


def record_assignments(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Take a batch of events into `dashboard_assignments`."""
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
    _upsert([_row(id_, *last) for id_, last in latest.items() if last is not None], cursor)


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


def _upsert(rows: list[Row], cursor: Cursor[Any]) -> None:
    if not rows:
        return
    cursor.execute(
        """
        INSERT INTO dashboard_assignments (
            assignment_id, connection_id, person_id, course_id, due_at, unlock_at, lock_at,
            settled, asks_for_work, submitted_at, graded_at, document, position
        )
        SELECT assignment_id, connection_id, person_id, course_id, due_at, unlock_at, lock_at,
               settled, asks_for_work, submitted_at, graded_at, document, position
          FROM unnest(
                   %b::uuid[], %b::uuid[], %b::uuid[], %b::uuid[], %b::timestamptz[],
                   %b::timestamptz[], %b::timestamptz[], %b::text[], %b::boolean[],
                   %b::timestamptz[], %b::timestamptz[], %b::bytea[], %b::bigint[]
               ) AS incoming (
                   assignment_id, connection_id, person_id, course_id, due_at, unlock_at,
                   lock_at, settled, asks_for_work, submitted_at, graded_at, document, position
               )
            ON CONFLICT (assignment_id) DO UPDATE
           SET course_id     = excluded.course_id,
               due_at        = excluded.due_at,
               unlock_at     = excluded.unlock_at,
               lock_at       = excluded.lock_at,
               settled       = excluded.settled,
               asks_for_work = excluded.asks_for_work,
               submitted_at  = excluded.submitted_at,
               graded_at     = excluded.graded_at,
               document      = excluded.document,
               position      = excluded.position
        """,
        to_columns(rows),
    )
