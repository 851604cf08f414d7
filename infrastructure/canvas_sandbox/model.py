"""The data of the sandbox: students, courses, assignments and submissions.

Times are in seconds since 1970.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from infrastructure.canvas_sandbox.situations import Situation

SHARD = 10_000_000_000_000
"""Ids of another shard are `shard * SHARD + local id`, and so exceed 2^53 (as in Switchman)."""


class Person(NamedTuple):
    """A Canvas user."""

    id: int
    name: str


class Term(NamedTuple):
    """An enrollment term."""

    id: int
    name: str
    starts: int | None
    ends: int | None


@dataclass(slots=True)
class Group:
    """An assignment group; its `weight`, in percent, has an effect in weighted courses only."""

    id: int
    name: str
    position: int
    weight: float


@dataclass(slots=True, kw_only=True)
class Assignment:
    """An assignment; if `present` is false, it is unpublished."""

    id: int
    name: str
    group: Group
    position: int
    description: str
    due_at: int | None
    unlock_at: int | None
    lock_at: int | None
    points: float | None
    grading_type: str
    submission_type: str
    created_at: int
    updated_at: int
    situation: Situation
    omitted: bool = False
    post_manually: bool = False
    present: bool = True


@dataclass(slots=True, kw_only=True)
class Submission:
    """The submission of one student to one assignment, with its grade."""

    id: int
    user_id: int
    assignment: Assignment
    state: str = "unsubmitted"
    score: float | None = None
    grade: str | None = None
    entered_score: float | None = None
    entered_grade: str | None = None
    points_deducted: float | None = None
    excused: bool | None = None
    attempt: int | None = None
    submitted_at: int | None = None
    graded_at: int | None = None
    posted_at: int | None = None
    grader_id: int | None = None
    grade_matches: bool = True
    late_policy: str | None = None

    @property
    def hidden(self) -> bool:
        """Whether there is a grade that is not posted, so that the student must not see it."""
        return self.graded_at is not None and self.posted_at is None


Work = dict[int, Submission]
"""The submissions of a student in one course, by assignment id."""


@dataclass(slots=True)
class Enrollment:
    """The enrollment of a student in a course; if `present` is false, it has ended."""

    id: int
    present: bool = True
    nickname: str | None = None
    favorite: bool = False
    last_activity_at: int | None = None
    activity_time: int = 0


@dataclass(slots=True)
class Student:
    """A student. Operations use the `index`; `revision` counts changes to the student's work."""

    index: int
    person: Person
    enrollments: dict[int, Enrollment]
    work: dict[int, Work] = field(default_factory=dict)
    revision: int = 0


@dataclass(slots=True, kw_only=True)
class Course:
    """A course; each student is enrolled in all of its `sections`.

    `revision` counts all changes, those to the work of students included.
    `definition_revision` counts changes to the course and its assignments only.
    """

    id: int
    index: int
    name: str
    code: str
    term: Term
    time_zone: str
    created_at: int
    teachers: list[Person]
    groups: list[Group]
    weighted: bool = False
    has_letter_grades: bool = False
    totals_hidden: bool = False
    concluded: bool = False
    restricted: bool = False
    has_image: bool = False
    grading_period_start: int | None = None
    sections: int = 1
    assignments: dict[int, Assignment] = field(default_factory=dict)
    revision: int = 0
    definition_revision: int = 0

    def published_assignments(self) -> list[Assignment]:
        """The published assignments in the order of their positions."""
        return [item for item in self.assignments.values() if item.present]
