"""Projector of `assignments`, one row for each assignment, and of `withdrawn_courses`.

CourseFetched has the assignments that differ and the ids of those to delete. The assignments of a
withdrawn course keep their rows: if the course comes back, CourseFetched has only those that
differ. Queries leave them out.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.canvas import Assignment
from domain.events import CourseFetched, CourseWithdrawn
from domain.recorded_event import RecordedEvent
from projections.support.assignment_document import encode_assignment
from projections.support.assignment_status import settled_status
from projections.support.cached_ids import assignment_id, course_id
from projections.support.json_documents import format_rfc3339, parse_time
from projections.support.search import fold_case
from projections.support.tombstones import CLOSING_EVENTS, drop_ended
from projections.support.upsert import Upsert

VERSION = 1
SUBSCRIBES_TO = (CourseFetched, CourseWithdrawn, *CLOSING_EVENTS)
TABLES = ("assignments", "withdrawn_courses")

ASSIGNMENTS = Upsert(
    "assignments",
    {
        "assignment_id": "uuid",
        "connection_id": "uuid",
        "person_id": "uuid",
        "course_id": "uuid",
        "name": "text",
        "due_at": "timestamptz",
        "unlock_at": "timestamptz",
        "lock_at": "timestamptz",
        "settled": "text",
        "late": "boolean",
        "document": "bytea",
        "position": "bigint",
    },
    key="assignment_id",
)
WITHDRAWN_COURSES = Upsert(
    "withdrawn_courses",
    {
        "course_id": "uuid",
        "connection_id": "uuid",
        "person_id": "uuid",
        "position": "bigint",
    },
    key="course_id",
)

Row = tuple[Any, ...]
LatestAssignment = tuple[Assignment, UUID, UUID, RecordedEvent]
"""An assignment, the ids of its connection and course, and the last event that contains it."""


def project(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Apply a batch of events to the tables, which the search path of `cursor` must find.

    Of each assignment only the last event of the batch matters.
    """
    latest: dict[UUID, LatestAssignment | None] = {}
    withdrawn: dict[UUID, Row | None] = {}
    for recorded in drop_ended(events, TABLES, cursor):
        event = recorded.event
        if isinstance(event, CourseFetched):
            course = course_id(event.connection_id, event.course["canvas_id"])
            withdrawn[course] = None
            for canvas_id in event.removed:
                latest[assignment_id(event.connection_id, canvas_id)] = None
            for assignment in event.assignments:
                id_ = assignment_id(event.connection_id, assignment["canvas_id"])
                latest[id_] = (assignment, event.connection_id, course, recorded)
        elif isinstance(event, CourseWithdrawn):
            course = course_id(event.connection_id, event.course_id)
            withdrawn[course] = _withdrawn_row(course, event.connection_id, recorded)
    _set_withdrawn(withdrawn, cursor)
    _delete([id_ for id_, last in latest.items() if last is None], cursor)
    ASSIGNMENTS.execute(
        [_row(id_, *last) for id_, last in latest.items() if last is not None], cursor
    )


def _withdrawn_row(course: UUID, connection_id: UUID, recorded: RecordedEvent) -> Row:
    return (course, connection_id, recorded.person_id, recorded.position)


def _row(
    id_: UUID, assignment: Assignment, connection_id: UUID, course: UUID, recorded: RecordedEvent
) -> Row:
    submission = assignment["submission"]
    return (
        id_,
        connection_id,
        recorded.person_id,
        course,
        fold_case(assignment["name"]),
        parse_time(assignment["due_at"]),
        parse_time(assignment["unlock_at"]),
        parse_time(assignment["lock_at"]),
        settled_status(assignment),
        submission is not None and submission["late"],
        encode_assignment(
            assignment,
            id_=id_,
            connection_id=connection_id,
            course_id=course,
            updated_at=format_rfc3339(recorded.recorded_at),
        ),
        recorded.position,
    )


def _delete(ids: list[UUID], cursor: Cursor[Any]) -> None:
    if ids:
        cursor.execute("DELETE FROM assignments WHERE assignment_id = ANY(%b::uuid[])", [ids])


def _set_withdrawn(courses: dict[UUID, Row | None], cursor: Cursor[Any]) -> None:
    returned = [course for course, row in courses.items() if row is None]
    if returned:
        cursor.execute(
            "DELETE FROM withdrawn_courses WHERE course_id = ANY(%b::uuid[])", [returned]
        )
    WITHDRAWN_COURSES.execute([row for row in courses.values() if row is not None], cursor)
