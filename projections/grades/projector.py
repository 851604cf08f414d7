"""Keeps `grades` true."""

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
from projections.support.sql_arrays import to_columns
from projections.support.tombstones import CLOSING_EVENTS, drop_ended

VERSION = 1
SUBSCRIBES_TO = (CourseFetched, CourseWithdrawn, *CLOSING_EVENTS)
TABLES = ("grades", "grade_entries")

SCORE_FIELDS = ("current_score", "current_grade", "final_score", "final_grade", "grades_hidden")

Row = tuple[Any, ...]
LatestAssignment = tuple[Assignment, UUID, UUID, RecordedEvent]


def project(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Take a batch of events into the tables."""
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
    _upsert_courses([_course_row(id_, *last) for id_, last in courses.items()], cursor)
    _set_listed(list(listed.values()), cursor)
    _delete_entries([id_ for id_, last in entries.items() if last is None], cursor)
    _upsert_entries([_entry_row(id_, *last) for id_, last in entries.items() if last], cursor)


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


def _upsert_courses(rows: list[Row], cursor: Cursor[Any]) -> None:
    if not rows:
        return
    cursor.execute(
        """
        INSERT INTO grades (
            course_id, connection_id, person_id, name, listed, document, position
        )
        SELECT course_id, connection_id, person_id, name, listed, document, position
          FROM unnest(
                   %b::uuid[], %b::uuid[], %b::uuid[], %b::text[], %b::boolean[], %b::bytea[],
                   %b::bigint[]
               ) AS incoming (course_id, connection_id, person_id, name, listed, document, position)
            ON CONFLICT (course_id) DO UPDATE
           SET name     = excluded.name,
               listed   = excluded.listed,
               document = excluded.document,
               position = excluded.position
        """,
        to_columns(rows),
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


def _upsert_entries(rows: list[Row], cursor: Cursor[Any]) -> None:
    if not rows:
        return
    cursor.execute(
        """
        INSERT INTO grade_entries (
            assignment_id, course_id, connection_id, person_id, due_at, entry, position
        )
        SELECT assignment_id, course_id, connection_id, person_id, due_at, entry, position
          FROM unnest(
                   %b::uuid[], %b::uuid[], %b::uuid[], %b::uuid[], %b::timestamptz[],
                   %b::bytea[], %b::bigint[]
               ) AS incoming (
                   assignment_id, course_id, connection_id, person_id, due_at, entry, position
               )
            ON CONFLICT (assignment_id) DO UPDATE
           SET course_id = excluded.course_id,
               due_at    = excluded.due_at,
               entry     = excluded.entry,
               position  = excluded.position
        """,
        to_columns(rows),
    )
