"""What a Canvas holds: students, courses, assignments and work handed in."""

from dataclasses import dataclass, field
from typing import NamedTuple

from infrastructure.canvas_sandbox.generator.situations import Situation

SHARD = 10_000_000_000_000
"""An id of another shard is `shard * SHARD + local` and exceeds 2^53."""


class Person(NamedTuple):
    """Somebody with a Canvas login."""

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
    """An assignment group; `weight` in per cent counts only in weighted courses."""

    id: int
    name: str
    position: int
    weight: float


@dataclass(slots=True, kw_only=True)
class Assignment:
    """An assignment as its teacher made it."""

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
    """One student's work on one assignment, and what became of it."""

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
    matches: bool = True
    late_policy: str | None = None

    @property
    def hidden(self) -> bool:
        """Whether there is a grade that the student may not see yet."""
        return self.graded_at is not None and self.posted_at is None


Work = dict[int, Submission]
"""A student's submissions in one course, by assignment id."""


@dataclass(slots=True)
class Enrollment:
    """A student's place in a course."""

    id: int
    present: bool = True
    nickname: str | None = None
    favorite: bool = False
    last_activity_at: int | None = None
    activity_time: int = 0


@dataclass(slots=True)
class Student:
    """A student; `index` is how tests name them, `revision` counts changes to their own work."""

    index: int
    person: Person
    enrollments: dict[int, Enrollment]
    work: dict[int, Work] = field(default_factory=dict)
    revision: int = 0


@dataclass(slots=True, kw_only=True)
class Course:
    """A course; students are enrolled in each of its `sections`.

    `revision` counts changes, anybody's work included; `edition` those of the course itself.
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
    lettered: bool = False
    totals_hidden: bool = False
    concluded: bool = False
    restricted: bool = False
    pictured: bool = False
    periods_since: int | None = None
    sections: int = 1
    assignments: dict[int, Assignment] = field(default_factory=dict)
    revision: int = 0
    edition: int = 0

    def shown(self) -> list[Assignment]:
        """The assignments that stand, in order."""
        return [item for item in self.assignments.values() if item.present]
