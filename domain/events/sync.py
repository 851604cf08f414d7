"""The events of a sync, in the order in which they happen: the run and what it found."""

from typing import Any, ClassVar, TypedDict
from uuid import UUID

from domain.canvas import Assignment, AssignmentGroup, Course, Score
from domain.event import Event, stored_as
from domain.events.upcast_course import add_course_fields


class Progress(TypedDict):
    """How far a run is, in courses."""

    total: int
    """Courses that Canvas lists."""
    done: int
    """Courses that were read, or that need not be read."""
    failed: int
    """Courses that could not be read."""


class Changes(TypedDict):
    """The number of differences that were found."""

    courses: int
    """Courses that are new, changed or withdrawn."""
    assignments: int
    """Assignments that are new, changed or removed."""
    grades: int
    """Scores and grades that changed, of assignments and of courses."""


class Requests(TypedDict):
    """The number of requests that a run sent to Canvas."""

    total: int
    """Requests that were sent to Canvas, repeated ones included."""
    not_modified: int
    """Of these, those that Canvas answered with 304."""
    retried: int
    """Of these, repetitions of a request that had failed."""


class SyncEvent(Event):
    """The base class of the events of a run."""

    CONTINUES: ClassVar[bool] = True

    connection_id: UUID
    """The connection that is synchronised."""
    sync_id: UUID
    """The id of the run."""


@stored_as("SyncRequested")
class SyncRequested(SyncEvent):
    """A run was requested and is queued."""

    CONTINUES: ClassVar[bool] = False
    CAUSED_BY: ClassVar[str | None] = "ConnectionOpened"

    person_id: UUID
    """The person whose connection it is."""
    trigger: str
    """Why: `setup` (a new connection), `manual` (a request of the person) or `schedule`."""
    mode: str
    """How the run reads: `full` or `incremental`."""


@stored_as("SyncStarted")
class SyncStarted(SyncEvent):
    """A worker started an attempt at the run."""

    worker: str
    """The name of the worker: `host:pid:start time:number`."""


@stored_as("SyncRequeued")
class SyncRequeued(SyncEvent):
    """A worker gave up the run; it is queued for another attempt."""

    reason: str
    """Why: `stopped` (a shutdown), `lost` (the worker died) or `broke_off` (unexpected error)."""


@stored_as("SyncWidened")
class SyncWidened(SyncEvent):
    """An incremental run became a full one: Canvas does not show the data that it needs."""

    code: str
    """The code of the Canvas failure, such as `canvas-forbidden`; see `domain/errors.py`."""
    detail: str
    """The failure as text for people."""


@stored_as("CourseFetched")
class CourseFetched(SyncEvent):
    """A course was fetched that is new or differs from what was last recorded."""

    class_version = 2

    course: Course
    """The course as Canvas shows it now, complete."""
    complete: bool
    """Whether its assignments were read: false if Canvas does not show them, or failed."""
    groups: list[AssignmentGroup] | None
    """All assignment groups, in their order; null if they were not read or did not change."""
    assignments: list[Assignment]
    """The assignments that are new or differ, each complete."""
    removed: list[str]
    """The Canvas ids of the assignments that Canvas no longer shows, as text."""
    changes: Changes
    """How many differences this event records."""
    progress: Progress
    """How far the run is after this course."""

    @property
    def size(self) -> int:
        """The course and the assignments."""
        return 1 + len(self.assignments)

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        """Add what was not recorded; assignments were read unless the course was restricted."""
        state["complete"] = state["course"]["state"] != "restricted"
        state["groups"] = None
        add_course_fields(state)


@stored_as("CourseUnlisted")
class CourseUnlisted(SyncEvent):
    """A complete course list did not contain a known course, for the first time."""

    course_id: str
    """The Canvas id of the course as text."""


@stored_as("CourseWithdrawn")
class CourseWithdrawn(SyncEvent):
    """A course is gone: Canvas says so, or two complete course lists in a row lack it."""

    course_id: str
    """The Canvas id of the course as text."""


@stored_as("DueDateChanged")
class DueDateChanged(SyncEvent):
    """The due date of a known assignment changed."""

    CAUSED_BY: ClassVar[str | None] = "CourseFetched"

    course_id: str
    """The Canvas id of the course as text."""
    assignment_id: str
    """The Canvas id of the assignment as text."""
    previous: str | None
    """The due date before, RFC 3339 in UTC; null if there was none."""
    current: str | None
    """The due date now, RFC 3339 in UTC; null if there is none."""


@stored_as("GradeChanged")
class GradeChanged(SyncEvent):
    """A score or grade that the student can see changed."""

    class_version = 2
    CAUSED_BY: ClassVar[str | None] = "CourseFetched"

    subject: str
    """What has the score: `assignment` or `course` (its total)."""
    course_id: str
    """The Canvas id of the course as text."""
    assignment_id: str | None
    """The Canvas id of the assignment as text; null if the subject is `course`."""
    course_name: str | None
    """The name of the course then; null if it has none, and in events before version 2."""
    assignment_name: str | None
    """The name of the assignment then; null if the subject is `course`, and before version 2."""
    previous: Score | None
    """The score before; null if the student could see none."""
    current: Score | None
    """The score now; null if the student can see none."""
    baseline: bool
    """Whether the connection had no completed run yet: a first value, not news."""

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        """Set the names to null: they were not recorded then."""
        state["course_name"] = state["assignment_name"] = None


@stored_as("CourseFetchFailed")
class CourseFetchFailed(SyncEvent):
    """A course could not be read; what was recorded before stays."""

    course_id: str
    """The Canvas id of the course as text."""
    code: str
    """The code of the Canvas failure, such as `canvas-timeout`; see `domain/errors.py`."""
    detail: str
    """The failure as text for people."""
    progress: Progress
    """How far the run is after this course."""


@stored_as("SyncCompleted")
class SyncCompleted(SyncEvent):
    """The run ended after it read all that it had to read, except courses that failed."""

    class_version = 2

    progress: Progress
    """How many courses the run has read."""
    requests: Requests
    """How many requests the run needed."""
    planner_validator: str | None
    """The `ETag` of the planner for the next run; null if the run read no planner or got none."""

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        """Set `planner_validator` to null: no run read the planner then."""
        state["planner_validator"] = None


@stored_as("SyncFailed")
class SyncFailed(SyncEvent):
    """The run failed. What it recorded before stays."""

    code: str
    """Why: the code of a Canvas failure (`domain/errors.py`), `interrupted` or `internal-error`."""
    detail: str
    """The reason as text for people."""
    requests: Requests
    """How many requests the run needed."""


@stored_as("SyncCancelled")
class SyncCancelled(SyncEvent):
    """The run was cancelled. What it recorded before stays."""

    CONTINUES: ClassVar[bool] = False
