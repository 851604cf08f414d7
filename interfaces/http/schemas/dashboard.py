"""Schemas of the dashboard. Its numbers are computed by easeboard from what it read in Canvas."""

from datetime import date, datetime
from uuid import UUID

from interfaces.http.schemas.data import Assignment
from interfaces.http.schemas.response_model import ResponseModel


class CourseCounts(ResponseModel):
    """Numbers of courses in which the person is a student."""

    active: int
    """Number of courses in state `active`, counted by easeboard."""
    total: int
    """Number of all courses, counted by easeboard."""


class AssignmentCounts(ResponseModel):
    """Numbers of assignments in active courses."""

    total: int
    """Number of all assignments, counted by easeboard."""
    upcoming: int
    """Number of assignments with the status `upcoming`, counted by easeboard."""
    due_this_week: int
    """Number of assignments due in the next 7 times 24 hours, counted by easeboard."""
    overdue: int
    """Number of assignments with the status `overdue`, counted by easeboard."""
    missing: int
    """Number of assignments that Canvas marks as missing, counted by easeboard."""
    submitted: int
    """Number of assignments with the status `submitted`, counted by easeboard."""
    graded: int
    """Number of assignments with the status `graded`, counted by easeboard."""


class GradeCounts(ResponseModel):
    """The mean score of active courses, and the changes of grades."""

    average_score: float | None
    """Mean of the known `current_score` of active courses in percent, computed by easeboard."""
    changed_this_week: int
    """Number of grade changes in the last 7 times 24 hours, counted by easeboard."""


class CourseAtAGlance(ResponseModel):
    """An active course: its score, and how many assignments are done."""

    course_id: UUID
    """Id of the course in easeboard."""
    name: str | None
    """Name of the course in Canvas."""
    current_score: float | None
    """Total of the graded work in percent, as Canvas shows it; null if it shows none."""
    done: int
    """Number of assignments submitted, graded or excused, counted by easeboard."""
    total: int
    """Number of all assignments of the course, counted by easeboard."""


class Day(ResponseModel):
    """What happened on one day in UTC."""

    date: date
    """The day in UTC, set by easeboard: `2026-09-01`."""
    submitted: int
    """Number of assignments submitted on this day according to Canvas."""
    graded: int
    """Number of assignments graded on this day according to Canvas."""


class ConnectionCounts(ResponseModel):
    """Numbers of connections."""

    active: int
    """Number of connections in status `active`, counted by easeboard."""
    failing: int
    """Number of connections whose token Canvas rejected or whose last sync failed."""


class Stats(ResponseModel):
    """The totals of all connections of a user."""

    courses: CourseCounts
    """Numbers of courses, counted by easeboard."""
    assignments: AssignmentCounts
    """Numbers of assignments, counted by easeboard."""
    grades: GradeCounts
    """Scores and changes, computed by easeboard from the totals of Canvas."""
    completion_rate: float | None
    """Part of the assignments to submit that are done, from 0 to 1, computed by easeboard."""
    next_due: list[Assignment]
    """The next 5 assignments that are due, selected by easeboard."""
    courses_at_a_glance: list[CourseAtAGlance]
    """The active courses, summarised by easeboard."""
    activity: list[Day]
    """The last 28 days, oldest first, counted by easeboard."""
    connections: ConnectionCounts
    """Numbers of connections, counted by easeboard."""
    last_synced_at: datetime | None
    """When easeboard last completed a sync of one of the connections: RFC 3339 in UTC."""
