"""Projector of `assignments`, one row for each assignment, and of `assignment_courses`.

CourseFetched has the assignments that differ and the ids of those to delete. The assignments of a
withdrawn course, or of one in which the person is not a student, keep their rows: later events
have only those that differ. Queries leave them out, and those that are not published.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.canvas import Course
from domain.events import CourseFetched, CourseWithdrawn
from domain.recorded_event import RecordedEvent
from projections.support.assignment_changes import ReadAssignment, assignment_changes
from projections.support.assignment_document import CLOCK_COLUMNS, clock_values, encode_assignment
from projections.support.assignment_status import is_flagged
from projections.support.course_changes import course_changes
from projections.support.json_documents import format_rfc3339
from projections.support.search import fold_case
from projections.support.tombstones import CLOSING_EVENTS, connection_id_of, drop_ended
from projections.support.upsert import Delete, Upsert

VERSION = 2
SUBSCRIBES_TO = (CourseFetched, CourseWithdrawn, *CLOSING_EVENTS)
TABLES = ("assignments", "assignment_courses")

ASSIGNMENTS = Upsert(
    "assignments",
    {
        "assignment_id": "uuid",
        "connection_id": "uuid",
        "person_id": "uuid",
        "course_id": "uuid",
        "name": "text",
        "published": "boolean",
        "late": "boolean",
        "missing": "boolean",
        **CLOCK_COLUMNS,
        "revisions": "bigint",
        "document": "bytea",
        "position": "bigint",
    },
    key="assignment_id",
    summed=("revisions",),
)
REMOVED_ASSIGNMENTS = Delete("assignments", key="assignment_id")
COURSE_COLUMNS = {
    "course_id": "uuid",
    "connection_id": "uuid",
    "person_id": "uuid",
    "name": "text",
    "code": "text",
    "is_student": "boolean",
    "withdrawn": "boolean",
    "position": "bigint",
}
COURSES = Upsert("assignment_courses", COURSE_COLUMNS, key="course_id")
HIDDEN_COURSES = Upsert(
    "assignment_courses", COURSE_COLUMNS, key="course_id", kept=("name", "code", "is_student")
)
"""For withdrawn and restricted courses, of which Canvas shows neither name nor role."""

Row = tuple[Any, ...]


def project(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Apply a batch of events to the tables, which the search path of `cursor` must find.

    Of each course and each assignment only the last event of the batch matters.
    """
    remaining = drop_ended(events, TABLES, cursor)
    _record_courses(remaining, cursor)
    changes = assignment_changes(remaining)
    REMOVED_ASSIGNMENTS.execute(changes.removed, cursor)
    ASSIGNMENTS.execute([_row(read) for read in changes.read], cursor)


def _record_courses(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    changes = course_changes(events)
    COURSES.execute(
        [_course_row(id_, item.event.course, item.recorded) for id_, item in changes.read.items()],
        cursor,
    )
    HIDDEN_COURSES.execute(
        [
            _course_row(
                id_,
                item.first.course if item.first else None,
                item.recorded,
                withdrawn=item.is_withdrawn,
            )
            for id_, item in changes.hidden.items()
        ],
        cursor,
    )


def _course_row(
    id_: UUID, course: Course | None, recorded: RecordedEvent, *, withdrawn: bool = False
) -> Row:
    return (
        id_,
        connection_id_of(recorded.event),
        recorded.person_id,
        course and _stored_text(course["name"]),
        course and _stored_text(course["course_code"]),
        course is None or course["role"] == "student",
        withdrawn,
        recorded.position,
    )


def _stored_text(text: str | None) -> str | None:
    """Return text without NUL characters, which a column cannot have."""
    return text and text.replace("\0", "")


def _row(read: ReadAssignment) -> Row:
    assignment, recorded = read.assignment, read.recorded
    return (
        read.id,
        read.connection_id,
        recorded.person_id,
        read.course_id,
        fold_case(assignment["name"]),
        assignment["published"],
        is_flagged(assignment, "late"),
        is_flagged(assignment, "missing"),
        *clock_values(assignment, recorded),
        read.times,
        encode_assignment(
            assignment,
            id_=read.id,
            connection_id=read.connection_id,
            course_id=read.course_id,
            updated_at=format_rfc3339(recorded.recorded_at),
        ),
        recorded.position,
    )
