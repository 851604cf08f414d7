"""The assignments behind the figures."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.canvas import Assignment, assignment_score
from domain.events import CourseFetched
from domain.recorded_event import Recorded
from projections.support.assignment_document import asks_for_work, assignment_document, settled
from projections.support.cached_ids import assignment_id, course_id
from projections.support.json_documents import instant, rfc3339
from projections.support.sql_arrays import columns

Row = tuple[Any, ...]
Sighted = tuple[Assignment, UUID, UUID, Recorded]


def record_assignments(heard: Sequence[Recorded], cursor: Cursor[Any]) -> None:
    """Take a batch of events into `dashboard_assignments`."""
    seen: dict[UUID, Sighted | None] = {}
    for recorded in heard:
        event = recorded.event
        if not isinstance(event, CourseFetched):
            continue
        for canvas_id in event.removed:
            seen[assignment_id(event.connection_id, canvas_id)] = None
        course = course_id(event.connection_id, event.course["canvas_id"])
        for assignment in event.assignments:
            id_ = assignment_id(event.connection_id, assignment["canvas_id"])
            seen[id_] = (assignment, event.connection_id, course, recorded)
    _remove([id_ for id_, last in seen.items() if last is None], cursor)
    _keep([_row(id_, *last) for id_, last in seen.items() if last is not None], cursor)


def _row(
    id_: UUID, assignment: Assignment, connection_id: UUID, course: UUID, recorded: Recorded
) -> Row:
    document = assignment_document(
        assignment,
        id_=id_,
        connection_id=connection_id,
        course_id=course,
        updated_at=rfc3339(recorded.recorded_at),
    )
    owner = (id_, connection_id, recorded.person_id, course)
    return (*owner, *_facts(assignment), document, recorded.position)


def _facts(assignment: Assignment) -> Row:
    submission = assignment["submission"]
    graded = submission is not None and assignment_score(assignment) is not None
    return (
        instant(assignment["due_at"]),
        instant(assignment["unlock_at"]),
        instant(assignment["lock_at"]),
        settled(assignment),
        asks_for_work(assignment),
        instant(submission["submitted_at"]) if submission else None,
        instant(submission["graded_at"]) if submission and graded else None,
    )


def _remove(ids: list[UUID], cursor: Cursor[Any]) -> None:
    if ids:
        cursor.execute(
            "DELETE FROM dashboard_assignments WHERE assignment_id = ANY(%b::uuid[])", [ids]
        )


def _keep(rows: list[Row], cursor: Cursor[Any]) -> None:
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
               ) AS seen (
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
        columns(rows),
    )
