"""Projector of `courses`: one row for each course that was ever read.

CourseFetched replaces the document, CourseWithdrawn only its state, and CourseFetchFailed adds its
problem. Of a restricted course Canvas shows nothing but the id, so a row that exists keeps
everything but its state.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from psycopg import Cursor

from domain.canvas import Course
from domain.course_diff import is_readable
from domain.events import CourseFetched, CourseFetchFailed, CourseWithdrawn
from domain.recorded_event import RecordedEvent
from projections.courses.calculation_input import (
    Basis,
    StoredItem,
    compare,
    count_published,
    to_basis,
    to_item,
)
from projections.support.cached_ids import course_id
from projections.support.json_documents import encode, format_rfc3339, parse_time
from projections.support.packed_columns import pack_uuids
from projections.support.search import fold_case, name_sort_key
from projections.support.shown_totals import shown_totals
from projections.support.tombstones import CLOSING_EVENTS, drop_ended
from projections.support.upsert import RowTarget, Upsert

VERSION = 2
SUBSCRIBES_TO = (CourseFetched, CourseFetchFailed, CourseWithdrawn, *CLOSING_EVENTS)
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
        "exact": "boolean",
        "basis": "bytea",
        "items": "bytea",
        "document": "bytea",
        "position": "bigint",
    },
    key="course_id",
)
LOADED_COLUMNS = (
    "course_id", "connection_id", "person_id", "document", "basis", "items", "position",
)  # fmt: skip


@dataclass(slots=True)
class CourseRow:
    """A row of `courses`; `document` is the JSON object that clients receive.

    `items` has all assignments by Canvas id, because CourseFetched has only those that differ;
    `stored_items` is their JSON as it was loaded, or None if they changed. `basis` has what else
    the totals are calculated from.
    """

    connection_id: UUID
    person_id: UUID
    document: dict[str, Any]
    basis: Basis
    items: dict[str, StoredItem]
    stored_items: bytes | None
    position: int

    def values(self, id_: UUID) -> tuple[Any, ...]:
        """Return the values in the order of the columns of COURSES; `words` is for search."""
        document = self.document
        is_student = document["role"] == "student"
        document["exact"] = compare(document, self.basis, self.items).exact
        document["assignment_count"] = count_published(self.items.values()) if is_student else 0
        return (
            id_,
            self.connection_id,
            self.person_id,
            document["state"],
            name_sort_key(document["name"]),
            fold_case(f"{document['name'] or ''}\n{document['course_code'] or ''}"),
            document["exact"],
            encode(self.basis),
            encode(self.items) if self.stored_items is None else self.stored_items,
            encode(document),
            self.position,
        )


def project(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Apply a batch of events to `courses`, which the search path of `cursor` must find."""
    keyed_events = [
        (_course_id_of(recorded), recorded) for recorded in drop_ended(events, TABLES, cursor)
    ]
    rows = _load({id_ for id_, _ in keyed_events}, cursor)
    changed: dict[UUID, CourseRow] = {}
    for id_, recorded in keyed_events:
        event = recorded.event
        if isinstance(event, CourseFetched):
            changed[id_] = rows[id_] = _apply_course(rows.get(id_), event, id_, recorded)
        elif (row := rows.get(id_)) and _apply_to_row(row, event, recorded):
            changed[id_] = row
    COURSES.execute([row.values(id_) for id_, row in changed.items()], cursor)


def _course_id_of(recorded: RecordedEvent) -> UUID:
    event: Any = recorded.event
    canvas_id = event.course["canvas_id"] if isinstance(event, CourseFetched) else event.course_id
    return course_id(event.connection_id, canvas_id)


def _apply_course(
    row: CourseRow | None, event: CourseFetched, id_: UUID, recorded: RecordedEvent
) -> CourseRow:
    course = event.course
    if row and course["state"] == "restricted":
        state = "concluded" if _has_ended(row, course, recorded) else "restricted"
        _update(row, recorded, state=state, problem=None)
        return row
    items = row.items if row else {}
    for removed in event.removed:
        items.pop(removed, None)
    items.update((item["canvas_id"], to_item(item)) for item in event.assignments)
    is_same = row is not None and not (event.removed or event.assignments)
    return CourseRow(
        connection_id=event.connection_id,
        person_id=recorded.person_id,
        document=_document(row, event, id_, recorded),
        basis=to_basis(course, event.groups, row.basis if row else None, complete=event.complete),
        items=items,
        stored_items=row.stored_items if row and is_same else None,
        position=recorded.position,
    )


def _has_ended(row: CourseRow, restricted: Course, recorded: RecordedEvent) -> bool:
    """Return whether a restricted course of which the name is known has ended.

    That is so if Canvas lists it with the ended courses, or if its term was over at the event.
    """
    term = row.document["term"]
    end_at = parse_time(term["end_at"]) if term else None
    is_over = end_at is not None and end_at < recorded.recorded_at
    return row.document["name"] is not None and (restricted["ended"] or is_over)


def _document(
    row: CourseRow | None, event: CourseFetched, id_: UUID, recorded: RecordedEvent
) -> dict[str, Any]:
    course = event.course
    is_read = event.complete or not is_readable(course)
    return {
        "id": id_,
        "connection_id": event.connection_id,
        "canvas_id": course["canvas_id"],
        "name": course["name"],
        "course_code": course["course_code"],
        "term": course["term"],
        "role": course["role"],
        "state": course["state"],
        "favorite": course["favorite"],
        "teachers": course["teachers"],
        "time_zone": course["time_zone"],
        **shown_totals(course),
        "grading_period": course["grading_period"],
        "grades_hidden": course["grades_hidden"],
        "weighted": course["weighted"],
        "exact": None,
        "image_url": _image_url(course),
        "html_url": course["html_url"],
        "assignment_count": 0,
        "problem": None if is_read or row is None else row.document["problem"],
        "updated_at": format_rfc3339(recorded.recorded_at),
    }


def _image_url(course: Course) -> str | None:
    """Return the URL of the image without the query, in which an old event can have a key."""
    url = course["image_url"]
    return url and url.partition("?")[0].partition("#")[0]


def _apply_to_row(row: CourseRow, event: Any, recorded: RecordedEvent) -> bool:
    """Apply a withdrawal or a failed read; return whether the row changed."""
    if isinstance(event, CourseWithdrawn):
        _update(row, recorded, state="withdrawn")
        return True
    problem = {"code": event.code, "detail": event.detail}
    if row.document["problem"] == problem and not row.basis["complete"]:
        return False
    row.basis["complete"] = False
    _update(row, recorded, problem=problem)
    return True


def _update(row: CourseRow, recorded: RecordedEvent, **members: Any) -> None:
    row.document |= {**members, "updated_at": format_rfc3339(recorded.recorded_at)}
    row.position = recorded.position


def _load(ids: set[UUID], cursor: Cursor[Any]) -> dict[UUID, CourseRow]:
    return {
        id_: CourseRow(
            connection_id,
            person_id,
            orjson.loads(document),
            orjson.loads(basis),
            orjson.loads(items),
            items,
            position,
        )
        for id_, connection_id, person_id, document, basis, items, position in _select(ids, cursor)
    }


def _select(ids: set[UUID], cursor: Cursor[Any]) -> Iterable[tuple[Any, ...]]:
    if not ids:
        return []
    if isinstance(cursor, RowTarget):
        return cursor.select(COURSES.table, LOADED_COLUMNS, ids)
    return cursor.execute(
        """
        SELECT course_id, connection_id, person_id, document, basis, items, position
          FROM courses
         WHERE course_id = ANY(%b::uuid[])
         ORDER BY course_id
        """,
        [pack_uuids(ids)],
        binary=True,
    )
