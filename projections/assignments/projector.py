"""Keeps `assignments` true."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.canvas import Assignment
from domain.events import CourseFetched, CourseWithdrawn
from domain.recorded_event import Recorded
from projections.support.assignment_document import assignment_document, settled
from projections.support.cached_ids import assignment_id, course_id
from projections.support.json_documents import instant, rfc3339
from projections.support.search import folded
from projections.support.sql_arrays import columns
from projections.support.tombstones import ENDS, living

VERSION = 1
HEARS = (CourseFetched, CourseWithdrawn, *ENDS)
TABLES = ("assignments", "withdrawn_courses")

Row = tuple[Any, ...]
Sighted = tuple[Assignment, UUID, UUID, Recorded]


def project(events: Sequence[Recorded], cursor: Cursor[Any]) -> None:
    """Take a batch of events into the tables."""
    seen: dict[UUID, Sighted | None] = {}
    withdrawn: dict[UUID, Row | None] = {}
    for recorded in living(events, TABLES, cursor):
        event = recorded.event
        if isinstance(event, CourseFetched):
            course = course_id(event.connection_id, event.course["canvas_id"])
            withdrawn[course] = None
            for canvas_id in event.removed:
                seen[assignment_id(event.connection_id, canvas_id)] = None
            for assignment in event.assignments:
                id_ = assignment_id(event.connection_id, assignment["canvas_id"])
                seen[id_] = (assignment, event.connection_id, course, recorded)
        elif isinstance(event, CourseWithdrawn):
            course = course_id(event.connection_id, event.course_id)
            withdrawn[course] = _away(course, event.connection_id, recorded)
    _withdraw(withdrawn, cursor)
    _remove([id_ for id_, last in seen.items() if last is None], cursor)
    _keep([_row(id_, *last) for id_, last in seen.items() if last is not None], cursor)


def _away(course: UUID, connection_id: UUID, recorded: Recorded) -> Row:
    return (course, connection_id, recorded.person_id, recorded.position)


def _row(
    id_: UUID, assignment: Assignment, connection_id: UUID, course: UUID, recorded: Recorded
) -> Row:
    submission = assignment["submission"]
    return (
        id_,
        connection_id,
        recorded.person_id,
        course,
        folded(assignment["name"]),
        instant(assignment["due_at"]),
        instant(assignment["unlock_at"]),
        instant(assignment["lock_at"]),
        settled(assignment),
        submission is not None and submission["late"],
        assignment_document(
            assignment,
            id_=id_,
            connection_id=connection_id,
            course_id=course,
            updated_at=rfc3339(recorded.recorded_at),
        ),
        recorded.position,
    )


def _remove(ids: list[UUID], cursor: Cursor[Any]) -> None:
    if ids:
        cursor.execute("DELETE FROM assignments WHERE assignment_id = ANY(%b::uuid[])", [ids])


def _keep(rows: list[Row], cursor: Cursor[Any]) -> None:
    if not rows:
        return
    cursor.execute(
        """
        INSERT INTO assignments (
            assignment_id, connection_id, person_id, course_id, name, due_at, unlock_at,
            lock_at, settled, late, document, position
        )
        SELECT assignment_id, connection_id, person_id, course_id, name, due_at, unlock_at,
               lock_at, settled, late, document, position
          FROM unnest(
                   %b::uuid[], %b::uuid[], %b::uuid[], %b::uuid[], %b::text[],
                   %b::timestamptz[], %b::timestamptz[], %b::timestamptz[], %b::text[],
                   %b::boolean[], %b::bytea[], %b::bigint[]
               ) AS seen (
                   assignment_id, connection_id, person_id, course_id, name, due_at, unlock_at,
                   lock_at, settled, late, document, position
               )
            ON CONFLICT (assignment_id) DO UPDATE
           SET course_id = excluded.course_id,
               name      = excluded.name,
               due_at    = excluded.due_at,
               unlock_at = excluded.unlock_at,
               lock_at   = excluded.lock_at,
               settled   = excluded.settled,
               late      = excluded.late,
               document  = excluded.document,
               position  = excluded.position
        """,
        columns(rows),
    )


def _withdraw(courses: dict[UUID, Row | None], cursor: Cursor[Any]) -> None:
    back = [course for course, row in courses.items() if row is None]
    if back:
        cursor.execute("DELETE FROM withdrawn_courses WHERE course_id = ANY(%b::uuid[])", [back])
    if away := [row for row in courses.values() if row is not None]:
        cursor.execute(
            """
            INSERT INTO withdrawn_courses (course_id, connection_id, person_id, position)
            SELECT course_id, connection_id, person_id, position
              FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::bigint[])
                   AS away (course_id, connection_id, person_id, position)
                ON CONFLICT (course_id) DO UPDATE
               SET position = excluded.position
            """,
            columns(away),
        )
