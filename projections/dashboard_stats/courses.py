"""Applies events to `dashboard_courses`: one row for each course."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.events import CourseFetched, CourseWithdrawn
from domain.recorded_event import RecordedEvent
from projections.support.cached_ids import course_id
from projections.support.json_documents import encode, to_float
from projections.support.search import name_sort_key
from projections.support.tombstones import connection_id_of
from projections.support.upsert import Upsert

Row = tuple[Any, ...]

COLUMNS = {
    "course_id": "uuid",
    "connection_id": "uuid",
    "person_id": "uuid",
    "state": "text",
    "name": "text",
    "current_score": "double precision",
    "document": "bytea",
    "position": "bigint",
}
COURSES = Upsert("dashboard_courses", COLUMNS, key="course_id")
COURSE_STATES = Upsert(
    "dashboard_courses", COLUMNS, key="course_id", kept=("name", "current_score", "document")
)
"""For withdrawn and restricted courses: Canvas no longer shows name and score, so they stay."""


def record_courses(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Apply a batch of events, without those of ended connections, to `dashboard_courses`.

    A course that is withdrawn or restricted keeps its name and score.
    """
    fetched: dict[UUID, Row] = {}
    state_changes: dict[UUID, Row] = {}
    for recorded in events:
        event = recorded.event
        if isinstance(event, CourseFetched):
            id_ = course_id(event.connection_id, event.course["canvas_id"])
            rows = state_changes if event.course["state"] == "restricted" else fetched
            rows[id_] = _row(event, id_, recorded)
            if rows is fetched:
                state_changes.pop(id_, None)
        elif isinstance(event, CourseWithdrawn):
            id_ = course_id(event.connection_id, event.course_id)
            state_changes[id_] = _withdrawn_row(id_, recorded)
    COURSES.execute(list(fetched.values()), cursor)
    COURSE_STATES.execute(list(state_changes.values()), cursor)


def _row(event: CourseFetched, id_: UUID, recorded: RecordedEvent) -> Row:
    course = event.course
    document = {
        "course_id": id_,
        "name": course["name"],
        "current_score": course["current_score"],
    }
    return (
        id_,
        event.connection_id,
        recorded.person_id,
        course["state"],
        name_sort_key(course["name"]),
        to_float(course["current_score"]),
        encode(document),
        recorded.position,
    )


def _withdrawn_row(id_: UUID, recorded: RecordedEvent) -> Row:
    document = encode({"course_id": id_, "name": None, "current_score": None})
    return (
        id_,
        connection_id_of(recorded.event),
        recorded.person_id,
        "withdrawn",
        "",
        None,
        document,
        recorded.position,
    )
