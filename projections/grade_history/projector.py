"""Projector of `grade_history`: one row for each GradeChanged, which never changes.

A GradeChanged of an older release has no names. It follows the CourseFetched that has them, so the
table `last_read_names` keeps the names of the last CourseFetched of each connection.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypedDict
from uuid import UUID

import orjson
from psycopg import Cursor

from domain.events import CourseFetched, GradeChanged
from domain.recorded_event import RecordedEvent
from projections.support.cached_ids import course_id
from projections.support.grade_change_document import changed_assignment_id, encode_grade_change
from projections.support.json_documents import encode
from projections.support.packed_columns import pack_uuids
from projections.support.tombstones import CLOSING_EVENTS, drop_ended
from projections.support.upsert import Upsert

VERSION = 2
SUBSCRIBES_TO = (CourseFetched, GradeChanged, *CLOSING_EVENTS)
TABLES = ("grade_history", "last_read_names")

GRADE_HISTORY = Upsert(
    "grade_history",
    {
        "position": "bigint",
        "connection_id": "uuid",
        "person_id": "uuid",
        "course_id": "uuid",
        "assignment_id": "uuid",
        "baseline": "boolean",
        "changed_at": "timestamptz",
        "document": "bytea",
    },
)
LAST_READ_NAMES = Upsert(
    "last_read_names",
    {"connection_id": "uuid", "person_id": "uuid", "names": "bytea", "position": "bigint"},
    key="connection_id",
)

Row = tuple[Any, ...]


class Names(TypedDict):
    """The names in a CourseFetched by Canvas id."""

    courses: dict[str, str | None]
    assignments: dict[str, str | None]


NO_NAMES = Names(courses={}, assignments={})


def project(events: Sequence[RecordedEvent], cursor: Cursor[Any]) -> None:
    """Apply a batch of events to the tables, which the search path of `cursor` must find."""
    remaining = drop_ended(events, TABLES, cursor)
    names = _load_names(_connections_without_names(remaining), cursor)
    last_read: dict[UUID, RecordedEvent] = {}
    rows: list[Row] = []
    for recorded in remaining:
        event = recorded.event
        if isinstance(event, CourseFetched):
            names[event.connection_id] = _names_in(event)
            last_read[event.connection_id] = recorded
        elif isinstance(event, GradeChanged):
            rows.append(_row(event, recorded, names.get(event.connection_id, NO_NAMES)))
    GRADE_HISTORY.execute(rows, cursor)
    LAST_READ_NAMES.execute(
        [
            (id_, recorded.person_id, encode(names[id_]), recorded.position)
            for id_, recorded in last_read.items()
        ],
        cursor,
    )


def _row(event: GradeChanged, recorded: RecordedEvent, names: Names) -> Row:
    return (
        recorded.position,
        event.connection_id,
        recorded.person_id,
        course_id(event.connection_id, event.course_id),
        changed_assignment_id(event),
        event.baseline,
        recorded.recorded_at,
        encode_grade_change(
            event,
            recorded,
            course_name=event.course_name or names["courses"].get(event.course_id),
            assignment_name=event.assignment_name
            or names["assignments"].get(event.assignment_id or ""),
        ),
    )


def _names_in(event: CourseFetched) -> Names:
    return Names(
        courses={event.course["canvas_id"]: event.course["name"]},
        assignments={item["canvas_id"]: item["name"] for item in event.assignments},
    )


def _connections_without_names(events: Iterable[RecordedEvent]) -> set[UUID]:
    """Return the connections of the grade changes that do not have the name of their course."""
    return {
        event.connection_id
        for recorded in events
        if isinstance(event := recorded.event, GradeChanged) and event.course_name is None
    }


def _load_names(connections: set[UUID], cursor: Cursor[Any]) -> dict[UUID, Names]:
    if not connections:
        return {}
    cursor.execute(
        """
        SELECT connection_id, names
          FROM last_read_names
         WHERE connection_id = ANY(%b::uuid[])
        """,
        [pack_uuids(connections)],
        binary=True,
    )
    return {id_: orjson.loads(names) for id_, names in cursor}
