"""The life of a synchronisation, in order: asked for, run, and what it found."""

from typing import Any, TypedDict
from uuid import UUID

from domain.canvas import Assignment, Course, Score
from domain.event import Event, stored_as


class Progress(TypedDict):
    """How many courses a run has, has read, and could not read."""

    total: int
    done: int
    failed: int


class Changes(TypedDict):
    """How many differences a run found."""

    courses: int
    assignments: int
    grades: int


class Requests(TypedDict):
    """How many requests Canvas answered, how many of them with 304, how many were tried again."""

    total: int
    not_modified: int
    retried: int


class SyncEvent(Event):
    """Something that happened while synchronising one connection."""

    connection_id: UUID
    sync_id: UUID


@stored_as("SyncRequested")
class SyncRequested(SyncEvent):
    """Somebody, or the clock, asked for a run."""

    person_id: UUID
    trigger: str
    mode: str


@stored_as("SyncStarted")
class SyncStarted(SyncEvent):
    """A worker took the run on."""

    worker: str


@stored_as("SyncRequeued")
class SyncRequeued(SyncEvent):
    """The worker gave the run up; it waits for another."""

    reason: str


@stored_as("SyncWidened")
class SyncWidened(SyncEvent):
    """The run reads everything after all: Canvas does not show what an incremental one needs."""

    code: str
    detail: str


@stored_as("CourseFetched")
class CourseFetched(SyncEvent):
    """A course differs from when it was last seen; with it, just the assignments that differ."""

    course: Course
    assignments: list[Assignment]
    removed: list[str]
    changes: Changes
    progress: Progress


@stored_as("CourseWithdrawn")
class CourseWithdrawn(SyncEvent):
    """A course seen before is no longer among the student's courses."""

    course_id: str


@stored_as("DueDateChanged")
class DueDateChanged(SyncEvent):
    """A known assignment is due at another time."""

    course_id: str
    assignment_id: str
    previous: str | None
    current: str | None


@stored_as("GradeChanged")
class GradeChanged(SyncEvent):
    """A score or grade the student can see differs; `previous` is null the first time."""

    subject: str
    course_id: str
    assignment_id: str | None
    previous: Score | None
    current: Score | None
    baseline: bool


@stored_as("CourseFetchFailed")
class CourseFetchFailed(SyncEvent):
    """One course could not be read; what was known of it stays."""

    course_id: str
    code: str
    detail: str
    progress: Progress


@stored_as("SyncCompleted")
class SyncCompleted(SyncEvent):
    """The run read everything it could; a planner read anew has another validator."""

    class_version = 2

    progress: Progress
    requests: Requests
    planner_validator: str | None

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        """No run read the planner then."""
        state["planner_validator"] = None


@stored_as("SyncFailed")
class SyncFailed(SyncEvent):
    """The run ended early; what it had read stays."""

    code: str
    detail: str
    requests: Requests


@stored_as("SyncCancelled")
class SyncCancelled(SyncEvent):
    """The person called the run off; what it had read stays."""
