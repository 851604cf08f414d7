"""Projector of `grades`, one row for each course, and of `grade_entries`, one for each assignment.

CourseFetched has all grades; GradeChanged is not needed. A withdrawn course, and one in which the
person is not a student, keeps its row and its entries, but is not listed. Of a restricted course
Canvas shows nothing but the id, so the grades in its row stay.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.events import CourseFetched, CourseWithdrawn
from domain.recorded_event import RecordedEvent
from projections.support.assignment_changes import ReadAssignment, assignment_changes
from projections.support.course_changes import ReadCourse, course_changes
from projections.support.json_documents import encode, parse_time
from projections.support.rounded_numbers import round_score
from projections.support.search import name_sort_key
from projections.support.shown_totals import shown_totals
from projections.support.tombstones import CLOSING_EVENTS, drop_ended
from projections.support.upsert import Delete, Update, Upsert

VERSION = 2
SUBSCRIBES_TO = (CourseFetched, CourseWithdrawn, *CLOSING_EVENTS)
TABLES = ("grades", "grade_entries")

GRADES = Upsert(
    "grades",
    {
        "course_id": "uuid",
        "connection_id": "uuid",
        "person_id": "uuid",
        "name": "text",
        "is_student": "boolean",
        "withdrawn": "boolean",
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
REMOVED_ENTRIES = Delete("grade_entries", key="assignment_id")
WITHDRAWALS = Update(
    "grades",
    {"course_id": "uuid", "withdrawn": "boolean", "position": "bigint"},
    key="course_id",
)

Row = tuple[Any, ...]


def project(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Apply a batch of events to the tables, which the search path of `cursor` must find.

    Of each course and each assignment only the last event of the batch matters.
    """
    remaining = drop_ended(events, TABLES, cursor)
    courses = course_changes(remaining)
    GRADES.execute([_course_row(id_, item) for id_, item in courses.read.items()], cursor)
    WITHDRAWALS.execute(
        [(id_, item.is_withdrawn, item.recorded.position) for id_, item in courses.hidden.items()],
        cursor,
    )
    entries = assignment_changes(remaining).published_only()
    REMOVED_ENTRIES.execute(entries.removed, cursor)
    GRADE_ENTRIES.execute([_entry_row(read) for read in entries.read], cursor)


def _course_row(id_: UUID, read: ReadCourse) -> Row:
    event, recorded = read
    course = event.course
    document = {
        "course_id": id_,
        "connection_id": event.connection_id,
        "course_name": course["name"],
        **shown_totals(course),
        "grades_hidden": course["grades_hidden"],
    }
    return (
        id_,
        event.connection_id,
        recorded.person_id,
        name_sort_key(course["name"]),
        course["role"] == "student",
        False,
        encode(document),
        recorded.position,
    )


def _entry_row(read: ReadAssignment) -> Row:
    return (
        read.id,
        read.course_id,
        read.connection_id,
        read.recorded.person_id,
        parse_time(read.assignment["due_at"]),
        _encode_entry(read),
        read.recorded.position,
    )


def _encode_entry(read: ReadAssignment) -> bytes:
    assignment, submission = read.assignment, read.assignment["submission"]
    return encode(
        {
            "assignment_id": read.id,
            "name": assignment["name"],
            "score": round_score(submission["score"]) if submission else None,
            "grade": submission["grade"] if submission else None,
            "points_possible": assignment["points_possible"],
            "graded_at": submission["graded_at"] if submission else None,
            "posted_at": submission["posted_at"] if submission else None,
            "excused": submission["excused"] if submission else False,
            "late": submission["late"] if submission else False,
            "missing": submission["missing"] if submission else False,
        }
    )
