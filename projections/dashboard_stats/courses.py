"""The courses behind the figures."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.events import CourseFetched, CourseWithdrawn
from domain.recorded_event import RecordedEvent
from projections.support.cached_ids import course_id
from projections.support.json_documents import encode, to_float
from projections.support.search import name_sort_key
from projections.support.sql_arrays import to_columns
from projections.support.tombstones import connection_id_of

Row = tuple[Any, ...]


def record_courses(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Take a batch of events into `dashboard_courses`; a restricted one keeps what was known."""
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
    _upsert(list(fetched.values()), cursor)
    _upsert_state(list(state_changes.values()), cursor)


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


def _upsert(rows: list[Row], cursor: Cursor[Any]) -> None:
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
               ) AS incoming (
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
        to_columns(rows),
    )


def _upsert_state(rows: list[Row], cursor: Cursor[Any]) -> None:
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
               ) AS incoming (
                   course_id, connection_id, person_id, state, name, current_score, document,
                   position
               )
            ON CONFLICT (course_id) DO UPDATE
           SET state    = excluded.state,
               position = excluded.position
        """,
        to_columns(rows),
    )
