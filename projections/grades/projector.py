"""Projector of `grades`, one row for each course, and of `grade_entries`, one for each assignment.

CourseFetched has all grades; GradeChanged is not needed. A withdrawn course keeps its row and its
entries, but is not `listed`. Of a restricted course Canvas shows nothing but the id, so the grades
in its row stay.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.canvas import Assignment
from domain.events import CourseFetched, CourseWithdrawn
from domain.recorded_event import RecordedEvent
from projections.support.cached_ids import assignment_id, course_id
from projections.support.json_documents import encode, parse_time
from projections.support.search import name_sort_key
from projections.support.tombstones import CLOSING_EVENTS, drop_ended
from projections.support.upsert import Upsert, to_columns

VERSION = 1
SUBSCRIBES_TO = (CourseFetched, CourseWithdrawn, *CLOSING_EVENTS)
TABLES = ("grades", "grade_entries")

GRADES = Upsert(
    "grades",
    {
        "course_id": "uuid",
        "connection_id": "uuid",
        "person_id": "uuid",
        "name": "text",
        "listed": "boolean",
        "document": "bytea",
        "position": "bigint",
    },
    key="course_id",
)
GRADE_ENTRIES = Upsert(
    "grade_entries",
    {
        "assignment_id": "uuid",
        "course_id": "uuid",
        "connection_id": "uuid",
        "person_id": "uuid",
        "due_at": "timestamptz",
        "entry": "bytea",
        "position": "bigint",
    },
    key="assignment_id",
)

SCORE_FIELDS = ("current_score", "current_grade", "final_score", "final_grade", "grades_hidden")
"""The fields of a course that its document has too."""

Row = tuple[Any, ...]
LatestAssignment = tuple[Assignment, UUID, UUID, RecordedEvent]
"""An assignment, the ids of its connection and course, and the last event that contains it."""


def project(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Apply a batch of events to the tables, which the search path of `cursor` must find.

    Of each course and each assignment only the last event of the batch matters.
    """
    courses: dict[UUID, tuple[CourseFetched, RecordedEvent]] = {}
    listed: dict[UUID, Row] = {}
    entries: dict[UUID, LatestAssignment | None] = {}
    for recorded in drop_ended(events, TABLES, cursor):
        event = recorded.event
        if isinstance(event, CourseFetched):
            id_ = course_id(event.connection_id, event.course["canvas_id"])
            _collect_entries(entries, event, id_, recorded)
            if event.course["state"] == "restricted":
                listed[id_] = (id_, True, recorded.position)
            else:
                courses[id_] = (event, recorded)
                listed.pop(id_, None)
        elif isinstance(event, CourseWithdrawn):
            id_ = course_id(event.connection_id, event.course_id)
            listed[id_] = (id_, False, recorded.position)
    GRADES.execute([_course_row(id_, *last) for id_, last in courses.items()], cursor)
    _set_listed(list(listed.values()), cursor)
    _delete_entries([id_ for id_, last in entries.items() if last is None], cursor)
    GRADE_ENTRIES.execute([_entry_row(id_, *last) for id_, last in entries.items() if last], cursor)


def _collect_entries(
    entries: dict[UUID, LatestAssignment | None],
    event: CourseFetched,
    course: UUID,
    recorded: RecordedEvent,
) -> None:
    for canvas_id in event.removed:
        entries[assignment_id(event.connection_id, canvas_id)] = None
    for assignment in event.assignments:
        id_ = assignment_id(event.connection_id, assignment["canvas_id"])
        entries[id_] = (assignment, event.connection_id, course, recorded)


def _course_row(id_: UUID, event: CourseFetched, recorded: RecordedEvent) -> Row:
    course: Any = event.course
    document = {
        "course_id": id_,
        "connection_id": event.connection_id,
        "course_name": course["name"],
        **{key: course[key] for key in SCORE_FIELDS},
    }
    return (
        id_,
        event.connection_id,
        recorded.person_id,
        name_sort_key(course["name"]),
        True,
        encode(document),
        recorded.position,
    )


def _entry_row(
    id_: UUID, assignment: Assignment, connection_id: UUID, course: UUID, recorded: RecordedEvent
) -> Row:
    return (
        id_,
        course,
        connection_id,
        recorded.person_id,
        parse_time(assignment["due_at"]),
        _encode_entry(assignment, id_),
        recorded.position,
    )


def _encode_entry(assignment: Assignment, id_: UUID) -> bytes:
    submission = assignment["submission"]
    return encode(
        {
            "assignment_id": id_,
            "name": assignment["name"],
            "score": submission["score"] if submission else None,
            "grade": submission["grade"] if submission else None,
            "points_possible": assignment["points_possible"],
            "graded_at": submission["graded_at"] if submission else None,
            "posted_at": submission["posted_at"] if submission else None,
            "excused": submission["excused"] if submission else False,
            "late": submission["late"] if submission else False,
            "missing": submission["missing"] if submission else False,
        }
    )


def _set_listed(rows: list[Row], cursor: Cursor[Any]) -> None:
    if not rows:
        return
    cursor.execute(
        """
        UPDATE grades
           SET listed   = incoming.listed,
               position = incoming.position
          FROM unnest(%b::uuid[], %b::boolean[], %b::bigint[])
               AS incoming (course_id, listed, position)
         WHERE grades.course_id = incoming.course_id
        """,
        to_columns(rows),
    )


def _delete_entries(ids: list[UUID], cursor: Cursor[Any]) -> None:
    if ids:
        cursor.execute("DELETE FROM grade_entries WHERE assignment_id = ANY(%b::uuid[])", [ids])
