"""The data of the sandbox: courses, assignments and submissions.

Times are in seconds since 1970. Students and their enrollments are in `enrolled_students`.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from infrastructure.canvas_sandbox.period_calendar import PeriodGroup
from infrastructure.canvas_sandbox.situations import Situation

SHARD = 10_000_000_000_000
"""Ids of another shard are `shard * SHARD + local id`, and so exceed 2^53 (as in Switchman)."""

TYPES_NOT_HANDED_IN_ONLINE = frozenset({"on_paper", "none", "not_graded", "wiki_page"})
TYPES_NOT_GRADEABLE = frozenset({"not_graded", "wiki_page"})
GradingScheme = tuple[tuple[str, float], ...]
"""Grades with the lowest share (0 to 1) that earns each, highest first."""


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


class DropRules(NamedTuple):
    """How many of the lowest and highest scores of a group are dropped, and which never are."""

    lowest: int = 0
    highest: int = 0
    never: tuple[int, ...] = ()


NO_RULES = DropRules()


@dataclass(slots=True)
class Group:
    """An assignment group; its `weight`, in percent, has an effect in weighted courses only."""

    id: int
    name: str
    position: int
    weight: float
    rules: DropRules = NO_RULES


@dataclass(kw_only=True)
class Assignment:
    """An assignment, or a part of a checkpointed discussion, which then has a `tag`.

    If `present` is false, it is unpublished: a draft. `submission_type` may name several types,
    separated by commas, as Canvas stores them. `module` is the name of the module that locks it.
    `situation` is None if a control operation added it. `generated_due_at` never changes.
    """

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
    situation: Situation | None = None
    generated_due_at: int | None = None
    omitted: bool = False
    post_manually: bool = False
    present: bool = True
    module: str | None = None
    tag: str | None = None
    parts: "tuple[Assignment, ...]" = ()

    @property
    def submission_types(self) -> list[str]:
        """The submission types, one after another."""
        return self.submission_type.split(",")

    @property
    def is_gradeable(self) -> bool:
        """Whether it can have a part in totals."""
        return self.submission_type not in TYPES_NOT_GRADEABLE

    @property
    def expects_submission(self) -> bool:
        """Whether something is to be handed in online."""
        return not TYPES_NOT_HANDED_IN_ONLINE.issuperset(self.submission_types)

    def part(self, tag: str) -> "Assignment":
        """Find a part of a checkpointed discussion.

        Raises: KeyError if there is none with this tag.
        """
        for part in self.parts:
            if part.tag == tag:
                return part
        raise KeyError(tag)

    def dates(self) -> list[int]:
        """Every date of the assignment and of its parts."""
        own = [date for date in (self.due_at, self.unlock_at, self.lock_at) if date is not None]
        return own + [date for part in self.parts for date in part.dates()]


@dataclass(slots=True, kw_only=True)
class Submission:
    """The submission of one student to one assignment, with its grade.

    `parts` are the submissions to the parts of a checkpointed discussion.
    """

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
    parts: "tuple[Submission, ...]" = ()

    @property
    def is_graded(self) -> bool:
        """Whether Canvas counts it as graded: not while a part of it waits for review."""
        return bool(self.excused) or (self.score is not None and self.state == "graded")

    @property
    def hidden(self) -> bool:
        """Whether the student must not see the grade, by the posting policy."""
        if self.assignment.post_manually:
            return self.posted_at is None
        was_graded = self.is_graded or (self.graded_at is not None and not self.grade_matches)
        return was_graded and self.posted_at is None

    @property
    def needs_grading(self) -> bool:
        """Whether something was handed in that has no grade yet, or an older one."""
        if self.attempt is None:
            return False
        has_no_current_grade = self.score is None or not self.grade_matches
        return self.state == "pending_review" or (
            self.state in {"submitted", "graded"} and has_no_current_grade
        )

    def part(self, tag: str) -> "Submission":
        """Find the submission to a part.

        Raises: KeyError if there is no part with this tag.
        """
        for part in self.parts:
            if part.assignment.tag == tag:
                return part
        raise KeyError(tag)


Work = dict[int, Submission]
"""The submissions of a student in one course, by assignment id."""


@dataclass(kw_only=True)
class Course:
    """A course.

    `state` is its workflow state: `available`, `unpublished`, `completed` or `deleted`.
    With `has_own_dates`, `starts` and `ends` replace the dates of the term; `section_dates`
    replace both. If `restricted` is true, it is closed by its dates since a moment ago, and lists
    of active courses still contain it.
    `scheme` is None if students see no letters. `classmates` is the number of students besides
    those of the sandbox, for statistics.
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
    state: str = "available"
    starts: int | None = None
    ends: int | None = None
    has_own_dates: bool = False
    section_dates: tuple[int | None, int | None] | None = None
    restricts_past_view: bool = False
    restricts_future_view: bool = False
    weighted: bool = False
    scheme: GradingScheme | None = None
    totals_hidden: bool = False
    statistics_hidden: bool = False
    restricted: bool = False
    has_image: bool = False
    periods: PeriodGroup | None = None
    sections: int = 1
    classmates: int = 0
    assignments: dict[int, Assignment] = field(default_factory=dict)
    other_dates: list[int] = field(default_factory=list)
    revision: int = 0
    definition_revision: int = 0

    def published_assignments(self) -> list[Assignment]:
        """The published assignments in the order of their positions."""
        return [item for item in self.assignments.values() if item.present]

    def is_concluded(self, now: int) -> bool:
        """Whether it has ended, for its course or term dates or by itself.

        Dates of sections and enrollments have no effect.
        """
        ends = self.ends if self.has_own_dates and self.ends is not None else self.term.ends
        return self.state == "completed" or (ends is not None and ends < now)

    def dates(self) -> list[int]:
        """Every date at which the clock alone changes what Canvas sends of the course."""
        dates = [self.term.starts, self.term.ends, self.starts, self.ends]
        dates += [*(self.section_dates or ()), *self.other_dates]
        if self.periods:
            dates += self.periods.dates()
        found = [date for date in dates if date is not None]
        return found + [date for item in self.assignments.values() for date in item.dates()]
