"""The assignments of a person with their due dates, as a calendar shows them."""

from datetime import datetime
from typing import Any, Literal, NamedTuple, cast
from uuid import UUID

import orjson
from psycopg import sql

from projections.support.assignment_status import DONE_STATUSES
from projections.support.json_documents import parse_time
from projections.support.query import Rows

DUE_DATES_SQL = sql.SQL(
    """
    SELECT assignment_id, courses.name, courses.code, due_at, settled, revisions, parts, document
      FROM read.assignments AS assignments
      JOIN read.assignment_courses AS courses USING (course_id)
     WHERE assignments.person_id = %(person)s
       AND (due_at IS NOT NULL OR parts IS NOT NULL)
       AND published
       AND is_student
       AND NOT withdrawn
     ORDER BY due_at, assignment_id
    """
)

Done = Literal["excused", "graded", "submitted"]
"""The statuses of what is done."""


class DatedPart(NamedTuple):
    """A part of an assignment, with its own due date; `tag` identifies it in the assignment."""

    tag: str
    name: str
    due_at: datetime | None
    points_possible: float | None
    done: Done | None


class DatedAssignment(NamedTuple):
    """An assignment that has a due date, or parts. Times have a time zone.

    A name that Canvas does not have is an empty text.
    """

    assignment_id: UUID
    course_name: str
    course_code: str
    name: str
    due_at: datetime | None
    points_possible: float | None
    done: Done | None
    parts: tuple[DatedPart, ...]
    """The parts by due date."""
    html_url: str | None
    changes: int
    """How often it changed since it was first read."""
    updated_at: datetime


def to_dated_assignments(rows: Rows) -> list[DatedAssignment]:
    """Convert the rows of DUE_DATES_SQL."""
    return [_dated_assignment(row) for row in rows]


def _dated_assignment(row: tuple[Any, ...]) -> DatedAssignment:
    assignment_id, course_name, course_code, due_at, settled, revisions, parts, stored = row
    document = orjson.loads(stored)
    return DatedAssignment(
        assignment_id,
        course_name or "",
        course_code or "",
        document["name"] or "",
        due_at,
        document["points_possible"],
        _done(settled),
        tuple(_dated_part(part) for part in orjson.loads(parts)) if parts else (),
        document["html_url"],
        revisions - 1,
        datetime.fromisoformat(document["updated_at"]),
    )


def _dated_part(part: dict[str, Any]) -> DatedPart:
    settled, _ = part["rule"]
    due_at = parse_time(part["due_at"])
    return DatedPart(part["tag"], part["name"], due_at, part["points_possible"], _done(settled))


def _done(settled: str | None) -> Done | None:
    return cast("Done", settled) if settled in DONE_STATUSES else None
