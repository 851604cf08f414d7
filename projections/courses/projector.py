"""Keeps `courses` true."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from psycopg import Cursor

from domain.events import CourseFetched, CourseWithdrawn
from domain.recorded_event import RecordedEvent
from projections.support.cached_ids import course_id
from projections.support.json_documents import encode, format_rfc3339
from projections.support.search import fold_case, name_sort_key
from projections.support.sql_arrays import to_columns
from projections.support.tombstones import CLOSING_EVENTS, drop_ended

VERSION = 1
SUBSCRIBES_TO = (CourseFetched, CourseWithdrawn, *CLOSING_EVENTS)
TABLES = ("courses",)


@dataclass(slots=True)
class CourseRow:
    """A course as the table holds it, and the Canvas ids of its assignments."""

    connection_id: UUID
    person_id: UUID
    document: dict[str, Any]
    assignment_ids: dict[str, None]
    position: int

    def values(self, id_: UUID) -> tuple[Any, ...]:
        """The columns to keep."""
        return (
            id_,
            self.connection_id,
            self.person_id,
            self.document["state"],
            name_sort_key(self.document["name"]),
            fold_case(f"{self.document['name'] or ''}\n{self.document['course_code'] or ''}"),
            encode(list(self.assignment_ids)),
            encode(self.document),
            self.position,
        )


def project(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Take a batch of events into the table."""
    keyed_events = [
        (_course_id_of(recorded), recorded) for recorded in drop_ended(events, TABLES, cursor)
    ]
    rows = _load({id_ for id_, _ in keyed_events}, cursor)
    for id_, recorded in keyed_events:
        event = recorded.event
        if isinstance(event, CourseFetched):
            rows[id_] = _apply_course(rows.get(id_), event, id_, recorded)
        elif row := rows.get(id_):
            _set_state(row, "withdrawn", recorded)
    _upsert([row.values(id_) for id_, row in rows.items()], cursor)


def _course_id_of(recorded: RecordedEvent) -> UUID:
    event: Any = recorded.event
    canvas_id = event.course["canvas_id"] if isinstance(event, CourseFetched) else event.course_id
    return course_id(event.connection_id, canvas_id)


def _apply_course(
    row: CourseRow | None, event: CourseFetched, id_: UUID, recorded: RecordedEvent
) -> CourseRow:
    if row and event.course["state"] == "restricted":
        _set_state(row, "restricted", recorded)
        return row
    assignment_ids = row.assignment_ids if row else {}
    for removed in event.removed:
        assignment_ids.pop(removed, None)
    assignment_ids.update(
        dict.fromkeys(assignment["canvas_id"] for assignment in event.assignments)
    )
    return CourseRow(
        connection_id=event.connection_id,
        person_id=recorded.person_id,
        document={
            "id": id_,
            "connection_id": event.connection_id,
            **event.course,
            "assignment_count": len(assignment_ids),
            "updated_at": format_rfc3339(recorded.recorded_at),
        },
        assignment_ids=assignment_ids,
        position=recorded.position,
    )


def _set_state(row: CourseRow, state: str, recorded: RecordedEvent) -> None:
    row.document["state"] = state
    row.document["updated_at"] = format_rfc3339(recorded.recorded_at)
    row.position = recorded.position


def _load(ids: set[UUID], cursor: Cursor[Any]) -> dict[UUID, CourseRow]:
    if not ids:
        return {}
    cursor.execute(
        """
        SELECT course_id, connection_id, person_id, document, present, position
          FROM courses
         WHERE course_id = ANY(%b::uuid[])
         ORDER BY course_id
        """,
        [list(ids)],
        binary=True,
    )
    return {
        id_: CourseRow(
            connection_id,
            person_id,
            orjson.loads(document),
            dict.fromkeys(orjson.loads(assignment_ids)),
            position,
        )
        for id_, connection_id, person_id, document, assignment_ids, position in cursor
    }


def _upsert(rows: list[tuple[Any, ...]], cursor: Cursor[Any]) -> None:
    if not rows:
        return
    cursor.execute(
        """
        INSERT INTO courses (
            course_id, connection_id, person_id, state, name, words, present, document, position
        )
        SELECT course_id, connection_id, person_id, state, name, words, present, document,
               position
          FROM unnest(
                   %b::uuid[], %b::uuid[], %b::uuid[], %b::text[], %b::text[], %b::text[],
                   %b::bytea[], %b::bytea[], %b::bigint[]
               ) AS incoming (
                   course_id, connection_id, person_id, state, name, words, present, document,
                   position
               )
            ON CONFLICT (course_id) DO UPDATE
           SET state    = excluded.state,
               name     = excluded.name,
               words    = excluded.words,
               present  = excluded.present,
               document = excluded.document,
               position = excluded.position
        """,
        to_columns(rows),
    )
