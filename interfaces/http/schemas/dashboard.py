"""Schemas of the dashboard."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel

from interfaces.http.schemas.data import Assignment


class CourseCounts(BaseModel):
    """Numbers of courses: those in state `active`, and all."""

    active: int
    total: int


class AssignmentCounts(BaseModel):
    """Numbers of assignments in active courses."""

    total: int
    upcoming: int
    due_this_week: int
    overdue: int
    missing: int
    submitted: int
    graded: int


class GradeCounts(BaseModel):
    """The mean current score of the active courses, and the changes of the last seven days."""

    average_score: float | None
    changed_this_week: int


class CourseAtAGlance(BaseModel):
    """An active course: its score, and how many assignments are done."""

    course_id: UUID
    name: str | None
    current_score: float | None
    done: int
    total: int


class Day(BaseModel):
    """The numbers of assignments that were submitted and graded on one day in UTC."""

    date: date
    submitted: int
    graded: int


class ConnectionCounts(BaseModel):
    """Numbers of connections: active ones, and those whose syncs fail."""

    active: int
    failing: int


class Stats(BaseModel):
    """The totals of all connections of a user."""

    courses: CourseCounts
    assignments: AssignmentCounts
    grades: GradeCounts
    completion_rate: float | None
    next_due: list[Assignment]
    courses_at_a_glance: list[CourseAtAGlance]
    activity: list[Day]
    connections: ConnectionCounts
    last_synced_at: datetime | None
