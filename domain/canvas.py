"""Records of what a student sees in Canvas, and the digests that show whether one has changed.

Ids are those of Canvas, as text. Times are RFC 3339 in UTC, to the second, as text:
`2026-09-01T05:59:59Z`. Events store the records with these keys, so a key can be added but never
renamed or removed.
"""

import marshal
from hashlib import blake2b
from typing import Any, TypedDict
from uuid import UUID, uuid5


class Score(TypedDict):
    """A score and the grade for it."""

    score: float | None
    """Points of an assignment, or the total of a course in per cent."""
    grade: str | None
    """The grade as Canvas shows it, such as `A-`, `93.5` or `complete`."""


class Term(TypedDict):
    """An enrollment term."""

    id: str
    """The Canvas id as text."""
    name: str | None
    """Its name."""
    start_at: str | None
    """Its start, RFC 3339 in UTC."""
    end_at: str | None
    """Its end, RFC 3339 in UTC."""


class Teacher(TypedDict):
    """A teacher of a course."""

    id: str
    """The Canvas id of the user as text."""
    name: str | None
    """The display name."""


class Course(TypedDict):
    """A course as one student sees it."""

    canvas_id: str
    """The Canvas id as text."""
    name: str | None
    """Its name; null if the course is restricted."""
    course_code: str | None
    """Its short name, such as `MATH 2210`."""
    term: Term | None
    """Its enrollment term."""
    state: str
    """`active`, `concluded`, or `restricted` (its dates permit no access: Canvas shows the id)."""
    favorite: bool
    """Whether the student has marked it as a favorite."""
    teachers: list[Teacher]
    """Its teachers, sorted by id."""
    time_zone: str | None
    """Its IANA time zone, such as `America/Denver`."""
    current_score: float | None
    """The total of the graded work, in per cent."""
    current_grade: str | None
    """The grade for `current_score`."""
    final_score: float | None
    """The total of all work, with ungraded work counted as 0, in per cent."""
    final_grade: str | None
    """The grade for `final_score`."""
    grades_hidden: bool
    """Whether Canvas hides the totals from the student."""
    weighted: bool
    """Whether the totals are weighted by assignment group."""
    image_url: str | None
    """The URL of its image; a signed URL that changes although the image does not."""
    html_url: str
    """The URL of its page in Canvas."""


class Group(TypedDict):
    """An assignment group."""

    id: str
    """The Canvas id as text; empty if Canvas sent none."""
    name: str | None
    """Its name."""
    weight: float | None
    """Its weight in the total of the course, in per cent."""


class Submission(TypedDict):
    """The student's own submission; a hidden grade has neither score nor grade."""

    state: str
    """The `workflow_state` of Canvas: `unsubmitted`, `submitted`, `pending_review` or `graded`."""
    score: float | None
    """The points, after a deduction for lateness."""
    grade: str | None
    """The grade as Canvas shows it, such as `A-`, `93.5` or `complete`."""
    submitted_at: str | None
    """When the student submitted, RFC 3339 in UTC."""
    graded_at: str | None
    """When it was last graded, RFC 3339 in UTC; also set while the grade is hidden."""
    posted_at: str | None
    """When the grade was posted (made visible), RFC 3339 in UTC."""
    excused: bool
    """Whether the assignment does not count for the student."""
    late: bool
    """Whether Canvas marks it as late."""
    missing: bool
    """Whether Canvas marks it as missing."""
    points_deducted: float | None
    """The points that the late policy has deducted."""
    attempt: int | None
    """The number of the attempt, from 1; null before the first."""


class Assignment(TypedDict):
    """An assignment with the dates and the submission of the student."""

    canvas_id: str
    """The Canvas id as text."""
    name: str | None
    """Its name."""
    group: Group
    """Its assignment group."""
    due_at: str | None
    """When it is due for this student, RFC 3339 in UTC."""
    unlock_at: str | None
    """From when the student can work on it, RFC 3339 in UTC."""
    lock_at: str | None
    """Until when the student can submit, RFC 3339 in UTC."""
    points_possible: float | None
    """The points for full marks."""
    grading_type: str | None
    """The `grading_type` of Canvas, such as `points`, `percent` or `pass_fail`."""
    submission_types: list[str]
    """The `submission_types` of Canvas, such as `online_upload` or `on_paper`."""
    html_url: str | None
    """The URL of its page in Canvas."""
    submission: Submission | None
    """The student's submission; null if Canvas sent none."""


VOLATILE_FIELDS = frozenset({"image_url"})
"""Keys that a digest leaves out: signed URLs differ in each response."""
MARSHAL_VERSION = 2
"""Format 2 of marshal has no references to objects, so equal records have equal bytes."""


def digest(record: Course | Assignment) -> str:
    """Return 16 hex digits that are equal if the records are equal except for VOLATILE_FIELDS.

    The order of the keys matters. Only snapshots store digests, so a change of the algorithm
    requires a new `class_version` of Sync and nothing else.
    """
    stable: Any = record
    if not VOLATILE_FIELDS.isdisjoint(record):
        stable = {key: value for key, value in record.items() if key not in VOLATILE_FIELDS}
    return blake2b(marshal.dumps(stable, MARSHAL_VERSION), digest_size=8).hexdigest()


def course_score(course: Course) -> Score | None:
    """Return the total of a course that the student can see; None if there is none."""
    return visible_score(course["current_score"], course["current_grade"])


def assignment_score(assignment: Assignment) -> Score | None:
    """Return the score of an assignment that the student can see; None if there is none."""
    submission = assignment["submission"]
    return visible_score(submission["score"], submission["grade"]) if submission else None


def visible_score(score: float | None, grade: str | None) -> Score | None:
    """Return the record of a score and grade; None if both are None."""
    return None if score is None and grade is None else Score(score=score, grade=grade)


def course_id(connection_id: UUID, canvas_id: str) -> UUID:
    """Return the id of a course in easeboard: a UUIDv5, the same after every rebuild."""
    return uuid5(connection_id, f"course/{canvas_id}")


def assignment_id(connection_id: UUID, canvas_id: str) -> UUID:
    """Return the id of an assignment in easeboard: a UUIDv5, the same after every rebuild."""
    return uuid5(connection_id, f"assignment/{canvas_id}")
