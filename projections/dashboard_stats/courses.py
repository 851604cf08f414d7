"""Applies events to `dashboard_courses`: one row for each course."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.events import CourseFetched
from domain.recorded_event import RecordedEvent
from projections.support.course_changes import HiddenCourse, course_changes
from projections.support.json_documents import encode, to_float
from projections.support.search import name_sort_key
from projections.support.shown_totals import shown_totals
from projections.support.tombstones import connection_id_of
from projections.support.upsert import Upsert

Row = tuple[Any, ...]

COLUMNS = {
    "course_id": "uuid",
    "connection_id": "uuid",
    "person_id": "uuid",
    "is_student": "boolean",
    "state": "text",
    "name": "text",
    "current_score": "double precision",
    "document": "bytea",
    "position": "bigint",
}
COURSES = Upsert("dashboard_courses", COLUMNS, key="course_id")
COURSE_STATES = Upsert(
    "dashboard_courses",
    COLUMNS,
    key="course_id",
    kept=("is_student", "name", "current_score", "document"),
)
"""For withdrawn and restricted courses: Canvas no longer shows the rest, so it stays."""


def record_courses(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Apply a batch of events, without those of ended connections, to `dashboard_courses`.

    A course that is withdrawn or restricted keeps its role, name and score.
    """
    changes = course_changes(events)
    read = [_row(id_, event, recorded) for id_, (event, recorded) in changes.read.items()]
    hidden = [_hidden_row(id_, course) for id_, course in changes.hidden.items()]
    COURSES.execute(read, cursor)
    COURSE_STATES.execute(hidden, cursor)


def _row(id_: UUID, event: CourseFetched, recorded: RecordedEvent) -> Row:
    course = event.course
    score = shown_totals(course)["current_score"]
    return (
        id_,
        event.connection_id,
        recorded.person_id,
        course["role"] == "student",
        course["state"],
        name_sort_key(course["name"]),
        to_float(score),
        encode({"course_id": id_, "name": course["name"], "current_score": score}),
        recorded.position,
    )


def _hidden_row(id_: UUID, hidden: HiddenCourse) -> Row:
    """Return the row of a withdrawn or restricted course, of which most columns may be kept."""
    recorded = hidden.recorded
    return (
        id_,
        connection_id_of(recorded.event),
        recorded.person_id,
        hidden.first is None or hidden.first.course["role"] == "student",
        "withdrawn" if hidden.is_withdrawn else "restricted",
        "",
        None,
        encode({"course_id": id_, "name": None, "current_score": None}),
        recorded.position,
    )
