"""Keeps `courses` true."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from psycopg import Cursor

from domain.events import CourseFetched, CourseWithdrawn
from domain.recorded_event import Recorded
from projections.support.cached_ids import course_id
from projections.support.json_documents import rfc3339, stored
from projections.support.search import folded, sort_key
from projections.support.sql_arrays import columns
from projections.support.tombstones import ENDS, living

VERSION = 1
HEARS = (CourseFetched, CourseWithdrawn, *ENDS)
TABLES = ("courses",)


@dataclass(slots=True)
class Known:
    """A course as the table holds it, and the Canvas ids of its assignments."""

    connection_id: UUID
    person_id: UUID
    document: dict[str, Any]
    present: dict[str, None]
    position: int

    def row(self, id_: UUID) -> tuple[Any, ...]:
        """The columns to keep."""
        return (
            id_,
            self.connection_id,
            self.person_id,
            self.document["state"],
            sort_key(self.document["name"]),
            folded(f"{self.document['name'] or ''}\n{self.document['course_code'] or ''}"),
            stored(list(self.present)),
            stored(self.document),
            self.position,
        )


def project(events: Sequence[Recorded], cursor: Cursor[Any]) -> None:
    """Take a batch of events into the table."""
    heard = [(_course_of(recorded), recorded) for recorded in living(events, TABLES, cursor)]
    known = _known({id_ for id_, _ in heard}, cursor)
    for id_, recorded in heard:
        event = recorded.event
        if isinstance(event, CourseFetched):
            known[id_] = _see(known.get(id_), event, id_, recorded)
        elif course := known.get(id_):
            _move(course, "withdrawn", recorded)
    _keep([course.row(id_) for id_, course in known.items()], cursor)


def _course_of(recorded: Recorded) -> UUID:
    event: Any = recorded.event
    canvas_id = event.course["canvas_id"] if isinstance(event, CourseFetched) else event.course_id
    return course_id(event.connection_id, canvas_id)


def _see(course: Known | None, event: CourseFetched, id_: UUID, recorded: Recorded) -> Known:
    if course and event.course["state"] == "restricted":
        _move(course, "restricted", recorded)
        return course
    present = course.present if course else {}
    for removed in event.removed:
        present.pop(removed, None)
    present.update(dict.fromkeys(assignment["canvas_id"] for assignment in event.assignments))
    return Known(
        connection_id=event.connection_id,
        person_id=recorded.person_id,
        document={
            "id": id_,
            "connection_id": event.connection_id,
            **event.course,
            "assignment_count": len(present),
            "updated_at": rfc3339(recorded.recorded_at),
        },
        present=present,
        position=recorded.position,
    )


def _move(course: Known, state: str, recorded: Recorded) -> None:
    course.document["state"] = state
    course.document["updated_at"] = rfc3339(recorded.recorded_at)
    course.position = recorded.position


def _known(ids: set[UUID], cursor: Cursor[Any]) -> dict[UUID, Known]:
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
        id_: Known(
            connection_id,
            person_id,
            orjson.loads(document),
            dict.fromkeys(orjson.loads(present)),
            position,
        )
        for id_, connection_id, person_id, document, present, position in cursor
    }


def _keep(rows: list[tuple[Any, ...]], cursor: Cursor[Any]) -> None:
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
               ) AS seen (
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
        columns(rows),
    )
