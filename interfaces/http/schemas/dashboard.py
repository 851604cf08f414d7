"""The shape of the dashboard."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel

from interfaces.http.schemas.data import Assignment


class CourseCounts(BaseModel):
    """Courses by state."""

    active: int
    total: int


class AssignmentCounts(BaseModel):
    """Assignments by status."""

    total: int
    upcoming: int
    due_this_week: int
    overdue: int
    missing: int
    submitted: int
    graded: int


class GradeCounts(BaseModel):
    """Scores over the active courses."""

    average_score: float | None
    changed_this_week: int


class CourseAtAGlance(BaseModel):
    """One active course."""

    course_id: UUID
    name: str | None
    current_score: float | None
    done: int
    total: int


class Day(BaseModel):
    """What happened on one day, in UTC."""

    date: date
    submitted: int
    graded: int


class ConnectionCounts(BaseModel):
    """Connections by how they do."""

    active: int
    failing: int


class Stats(BaseModel):
    """The dashboard."""

    courses: CourseCounts
    assignments: AssignmentCounts
    grades: GradeCounts
    completion_rate: float | None
    next_due: list[Assignment]
    courses_at_a_glance: list[CourseAtAGlance]
    activity: list[Day]
    connections: ConnectionCounts
    last_synced_at: datetime | None
