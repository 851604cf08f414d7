"""What a student sees in Canvas, as plain records, and how two sightings of it differ.

Ids are Canvas's, as strings.
Times are RFC 3339 in UTC, to the second: `2026-09-01T05:59:59Z`.
A record is stored in events as it stands here, so a key may be added, never renamed.
"""

import marshal
from hashlib import blake2b
from typing import Any, TypedDict
from uuid import UUID, uuid5


class Score(TypedDict):
    """A score in points and the grade as Canvas writes it (`93.5` and `A`)."""

    score: float | None
    grade: str | None


class Term(TypedDict):
    """An enrollment term."""

    id: str
    name: str | None
    start_at: str | None
    end_at: str | None


class Teacher(TypedDict):
    """Somebody who teaches a course."""

    id: str
    name: str | None


class Course(TypedDict):
    """A course as one student sees it; `restricted` courses have no name."""

    canvas_id: str
    name: str | None
    course_code: str | None
    term: Term | None
    state: str
    favorite: bool
    teachers: list[Teacher]
    time_zone: str | None
    current_score: float | None
    current_grade: str | None
    final_score: float | None
    final_grade: str | None
    grades_hidden: bool
    weighted: bool
    image_url: str | None
    html_url: str


class Group(TypedDict):
    """An assignment group and its weight in per cent."""

    id: str
    name: str | None
    weight: float | None


class Submission(TypedDict):
    """The student's own work on one assignment; a hidden grade has neither score nor grade."""

    state: str
    score: float | None
    grade: str | None
    submitted_at: str | None
    graded_at: str | None
    posted_at: str | None
    excused: bool
    late: bool
    missing: bool
    points_deducted: float | None
    attempt: int | None


class Assignment(TypedDict):
    """An assignment with the student's own dates and submission."""

    canvas_id: str
    name: str | None
    group: Group
    due_at: str | None
    unlock_at: str | None
    lock_at: str | None
    points_possible: float | None
    grading_type: str | None
    submission_types: list[str]
    html_url: str | None
    submission: Submission | None


VOLATILE_FIELDS = frozenset({"image_url"})
"""Keys that move without anybody changing anything: signed addresses."""


MARSHAL_VERSION = 2
"""The format of marshal in which equal records have equal bytes: it knows no references."""


def digest(record: Course | Assignment) -> str:
    """What two sightings share exactly when nothing a person would notice differs.

    Keys count in the order they stand in. No event holds a digest: each is worked out anew from a
    record, and kept in snapshots of one class version of Sync.
    """
    stable: Any = record
    if not VOLATILE_FIELDS.isdisjoint(record):
        stable = {key: value for key, value in record.items() if key not in VOLATILE_FIELDS}
    return blake2b(marshal.dumps(stable, MARSHAL_VERSION), digest_size=8).hexdigest()


def course_score(course: Course) -> Score | None:
    """The total a student sees of a course, if any."""
    return visible_score(course["current_score"], course["current_grade"])


def assignment_score(assignment: Assignment) -> Score | None:
    """The score a student sees of an assignment, if any."""
    submission = assignment["submission"]
    return visible_score(submission["score"], submission["grade"]) if submission else None


def visible_score(score: float | None, grade: str | None) -> Score | None:
    """A score, unless there is nothing to see."""
    return None if score is None and grade is None else Score(score=score, grade=grade)


def course_id(connection_id: UUID, canvas_id: str) -> UUID:
    """Our id of a Canvas course: the same for ever, worked out rather than stored."""
    return uuid5(connection_id, f"course/{canvas_id}")


def assignment_id(connection_id: UUID, canvas_id: str) -> UUID:
    """Our id of a Canvas assignment: the same for ever, worked out rather than stored."""
    return uuid5(connection_id, f"assignment/{canvas_id}")
