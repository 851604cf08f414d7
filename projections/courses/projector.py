"""Projector of `courses`: one row for each course that was ever read.

CourseFetched replaces the document, CourseWithdrawn only its state. Of a restricted course Canvas
shows nothing but the id, so a row that exists keeps everything but its state.
"""

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
from projections.support.tombstones import CLOSING_EVENTS, drop_ended
from projections.support.upsert import Upsert

VERSION = 1
SUBSCRIBES_TO = (CourseFetched, CourseWithdrawn, *CLOSING_EVENTS)
TABLES = ("courses",)

COURSES = Upsert(
    "courses",
    {
        "course_id": "uuid",
        "connection_id": "uuid",
        "person_id": "uuid",
        "state": "text",
        "name": "text",
        "words": "text",
        "present": "bytea",
        "document": "bytea",
        "position": "bigint",
    },
    key="course_id",
)


@dataclass(slots=True)
class CourseRow:
    """A row of `courses`; `document` is the JSON object that clients receive.

    `assignment_ids` has the Canvas ids of all assignments as keys, in order; the column `present`
    stores them. They are needed to count, because CourseFetched has only those that differ.
    """

    connection_id: UUID
    person_id: UUID
    document: dict[str, Any]
    assignment_ids: dict[str, None]
    position: int

    def values(self, id_: UUID) -> tuple[Any, ...]:
        """Return the values in the order of the columns of COURSES; `words` is for search."""
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
    """Apply a batch of events to `courses`, which the search path of `cursor` must find."""
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
    COURSES.execute([row.values(id_) for id_, row in rows.items()], cursor)


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
