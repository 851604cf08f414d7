"""Keeps `grades` true."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.canvas import Assignment
from domain.events import CourseFetched, CourseWithdrawn
from domain.recorded_event import Recorded
from projections.support.cached_ids import assignment_id, course_id
from projections.support.json_documents import instant, stored
from projections.support.search import sort_key
from projections.support.sql_arrays import columns
from projections.support.tombstones import ENDS, living

VERSION = 1
HEARS = (CourseFetched, CourseWithdrawn, *ENDS)
TABLES = ("grades", "grade_entries")

TOTALS = ("current_score", "current_grade", "final_score", "final_grade", "grades_hidden")

Row = tuple[Any, ...]
Sighted = tuple[Assignment, UUID, UUID, Recorded]


def project(events: Sequence[Recorded], cursor: Cursor[Any]) -> None:
    """Take a batch of events into the tables."""
    courses: dict[UUID, tuple[CourseFetched, Recorded]] = {}
    listed: dict[UUID, Row] = {}
    entries: dict[UUID, Sighted | None] = {}
    for recorded in living(events, TABLES, cursor):
        event = recorded.event
        if isinstance(event, CourseFetched):
            id_ = course_id(event.connection_id, event.course["canvas_id"])
            _see_entries(entries, event, id_, recorded)
            if event.course["state"] == "restricted":
                listed[id_] = (id_, True, recorded.position)
            else:
                courses[id_] = (event, recorded)
                listed.pop(id_, None)
        elif isinstance(event, CourseWithdrawn):
            id_ = course_id(event.connection_id, event.course_id)
            listed[id_] = (id_, False, recorded.position)
    _keep_courses([_course(id_, *last) for id_, last in courses.items()], cursor)
    _list(list(listed.values()), cursor)
    _remove_entries([id_ for id_, last in entries.items() if last is None], cursor)
    _keep_entries([_entry_row(id_, *last) for id_, last in entries.items() if last], cursor)


def _see_entries(
    entries: dict[UUID, Sighted | None], event: CourseFetched, course: UUID, recorded: Recorded
) -> None:
    for canvas_id in event.removed:
        entries[assignment_id(event.connection_id, canvas_id)] = None
    for assignment in event.assignments:
        id_ = assignment_id(event.connection_id, assignment["canvas_id"])
        entries[id_] = (assignment, event.connection_id, course, recorded)


def _course(id_: UUID, event: CourseFetched, recorded: Recorded) -> Row:
    course: Any = event.course
    document = {
        "course_id": id_,
        "connection_id": event.connection_id,
        "course_name": course["name"],
        **{key: course[key] for key in TOTALS},
    }
    return (
        id_,
        event.connection_id,
        recorded.person_id,
        sort_key(course["name"]),
        True,
        stored(document),
        recorded.position,
    )


def _entry_row(
    id_: UUID, assignment: Assignment, connection_id: UUID, course: UUID, recorded: Recorded
) -> Row:
    return (
        id_,
        course,
        connection_id,
        recorded.person_id,
        instant(assignment["due_at"]),
        _entry(assignment, id_),
        recorded.position,
    )


def _entry(assignment: Assignment, id_: UUID) -> bytes:
    submission = assignment["submission"]
    return stored(
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


def _keep_courses(rows: list[Row], cursor: Cursor[Any]) -> None:
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
               ) AS seen (course_id, connection_id, person_id, name, listed, document, position)
            ON CONFLICT (course_id) DO UPDATE
           SET name     = excluded.name,
               listed   = excluded.listed,
               document = excluded.document,
               position = excluded.position
        """,
        columns(rows),
    )


def _list(rows: list[Row], cursor: Cursor[Any]) -> None:
    if not rows:
        return
    cursor.execute(
        """
        UPDATE grades
           SET listed   = moved.listed,
               position = moved.position
          FROM unnest(%b::uuid[], %b::boolean[], %b::bigint[])
               AS moved (course_id, listed, position)
         WHERE grades.course_id = moved.course_id
        """,
        columns(rows),
    )


def _remove_entries(ids: list[UUID], cursor: Cursor[Any]) -> None:
    if ids:
        cursor.execute("DELETE FROM grade_entries WHERE assignment_id = ANY(%b::uuid[])", [ids])


def _keep_entries(rows: list[Row], cursor: Cursor[Any]) -> None:
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
               ) AS seen (
                   assignment_id, course_id, connection_id, person_id, due_at, entry, position
               )
            ON CONFLICT (assignment_id) DO UPDATE
           SET course_id = excluded.course_id,
               due_at    = excluded.due_at,
               entry     = excluded.entry,
               position  = excluded.position
        """,
        columns(rows),
    )
