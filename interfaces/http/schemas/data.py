"""Schemas of courses, assignments and grades."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from interfaces.http.schemas.connections import Connection


class Term(BaseModel):
    """An enrollment term."""

    id: str
    name: str | None
    start_at: datetime | None
    end_at: datetime | None


class Teacher(BaseModel):
    """A teacher of a course."""

    id: str
    name: str | None


class Course(BaseModel):
    """A course, with the scores that Canvas shows the student."""

    id: UUID
    connection_id: UUID
    canvas_id: str
    name: str | None
    course_code: str | None
    term: Term | None
    state: Literal["active", "concluded", "restricted", "withdrawn"]
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
    html_url: str | None
    assignment_count: int
    updated_at: datetime


class Group(BaseModel):
    """An assignment group and its weight in percent."""

    id: str
    name: str | None
    weight: float | None


class Submission(BaseModel):
    """The student's submission to an assignment."""

    state: str
    score: float | None
    grade: str | None
    submitted_at: datetime | None
    graded_at: datetime | None
    posted_at: datetime | None
    excused: bool
    late: bool
    missing: bool
    points_deducted: float | None
    attempt: int | None


class Assignment(BaseModel):
    """An assignment with the student's own dates and submission."""

    id: UUID
    connection_id: UUID
    course_id: UUID
    canvas_id: str
    name: str | None
    group: Group | None
    due_at: datetime | None
    unlock_at: datetime | None
    lock_at: datetime | None
    points_possible: float | None
    grading_type: str | None
    submission_types: list[str]
    html_url: str | None
    status: Literal["upcoming", "overdue", "missing", "submitted", "graded", "excused", "undated"]
    locked: bool
    submission: Submission | None
    updated_at: datetime


class AssignmentGrade(BaseModel):
    """The grade of one assignment."""

    assignment_id: UUID
    name: str | None
    score: float | None
    grade: str | None
    points_possible: float | None
    graded_at: datetime | None
    posted_at: datetime | None
    excused: bool
    late: bool
    missing: bool


class Grade(BaseModel):
    """The grades of one course."""

    course_id: UUID
    connection_id: UUID
    course_name: str | None
    current_score: float | None
    current_grade: str | None
    final_score: float | None
    final_grade: str | None
    grades_hidden: bool
    assignments: list[AssignmentGrade]


class Score(BaseModel):
    """A score in points, and the grade as Canvas displays it."""

    score: float | None
    grade: str | None


class GradeChange(BaseModel):
    """A change of a score or grade that a sync found."""

    changed_at: datetime
    course_id: UUID
    assignment_id: UUID | None
    subject: Literal["assignment", "course"]
    previous: Score | None
    current: Score | None
    sync_id: UUID


class Everything(BaseModel):
    """All data of a user in one document."""

    connections: list[Connection]
    courses: list[Course]
    assignments: list[Assignment]
    grades: list[Grade]
    synced_at: datetime | None
