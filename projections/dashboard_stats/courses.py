"""The courses behind the figures."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.events import CourseFetched, CourseWithdrawn
from domain.recorded_event import Recorded
from projections.support.cached_ids import course_id
from projections.support.json_documents import number, stored
from projections.support.search import sort_key
from projections.support.sql_arrays import columns
from projections.support.tombstones import connection_of

Row = tuple[Any, ...]


def record_courses(heard: Sequence[Recorded], cursor: Cursor[Any]) -> None:
    """Take a batch of events into `dashboard_courses`; a restricted one keeps what was known."""
    seen: dict[UUID, Row] = {}
    moved: dict[UUID, Row] = {}
    for recorded in heard:
        event = recorded.event
        if isinstance(event, CourseFetched):
            id_ = course_id(event.connection_id, event.course["canvas_id"])
            rows = moved if event.course["state"] == "restricted" else seen
            rows[id_] = _row(event, id_, recorded)
            if rows is seen:
                moved.pop(id_, None)
        elif isinstance(event, CourseWithdrawn):
            id_ = course_id(event.connection_id, event.course_id)
            moved[id_] = _withdrawn(id_, recorded)
    _keep(list(seen.values()), cursor)
    _move(list(moved.values()), cursor)


def _row(event: CourseFetched, id_: UUID, recorded: Recorded) -> Row:
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
        sort_key(course["name"]),
        number(course["current_score"]),
        stored(document),
        recorded.position,
    )


def _withdrawn(id_: UUID, recorded: Recorded) -> Row:
    nothing = stored({"course_id": id_, "name": None, "current_score": None})
    return (
        id_,
        connection_of(recorded.event),
        recorded.person_id,
        "withdrawn",
        "",
        None,
        nothing,
        recorded.position,
    )


def _keep(rows: list[Row], cursor: Cursor[Any]) -> None:
    if not rows:
        return
    cursor.execute(
        """
        INSERT INTO dashboard_courses (
            course_id, connection_id, person_id, state, name, current_score, document, position
        )
        SELECT course_id, connection_id, person_id, state, name, current_score, document, position
          FROM unnest(
                   %b::uuid[], %b::uuid[], %b::uuid[], %b::text[], %b::text[],
                   %b::double precision[], %b::bytea[], %b::bigint[]
               ) AS seen (
                   course_id, connection_id, person_id, state, name, current_score, document,
                   position
               )
            ON CONFLICT (course_id) DO UPDATE
           SET state         = excluded.state,
               name          = excluded.name,
               current_score = excluded.current_score,
               document      = excluded.document,
               position      = excluded.position
        """,
        columns(rows),
    )


def _move(rows: list[Row], cursor: Cursor[Any]) -> None:
    if not rows:
        return
    cursor.execute(
        """
        INSERT INTO dashboard_courses (
            course_id, connection_id, person_id, state, name, current_score, document, position
        )
        SELECT course_id, connection_id, person_id, state, name, current_score, document, position
          FROM unnest(
                   %b::uuid[], %b::uuid[], %b::uuid[], %b::text[], %b::text[],
                   %b::double precision[], %b::bytea[], %b::bigint[]
               ) AS moved (
                   course_id, connection_id, person_id, state, name, current_score, document,
                   position
               )
            ON CONFLICT (course_id) DO UPDATE
           SET state    = excluded.state,
               position = excluded.position
        """,
        columns(rows),
    )
