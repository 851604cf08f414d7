"""Schemas of grades, of their changes, and of totals that would result from other scores."""

from datetime import datetime
from uuid import UUID

from interfaces.http.schemas.enumerations import GradeSubject
from interfaces.http.schemas.response_model import ResponseModel


class AssignmentGrade(ResponseModel):
    """The grade of one assignment."""

    assignment_id: UUID
    """Id of the assignment in easeboard."""
    name: str | None
    """Name of the assignment in Canvas."""
    score: float | None
    """Score in points, as Canvas shows it; null while no grade is posted."""
    grade: str | None
    """Grade as Canvas displays it; null while none is posted."""
    points_possible: float | None
    """Points for full marks in Canvas."""
    graded_at: datetime | None
    """When it was graded, according to Canvas: RFC 3339 in UTC."""
    posted_at: datetime | None
    """When the student could first see the grade, according to Canvas: RFC 3339 in UTC."""
    excused: bool
    """Whether Canvas marks the submission as excused."""
    late: bool
    """Whether Canvas marks the submission as late."""
    missing: bool
    """Whether Canvas marks the submission as missing."""


class Grade(ResponseModel):
    """The grades of one course."""

    course_id: UUID
    """Id of the course in easeboard."""
    connection_id: UUID
    """Id in easeboard of the connection that it was read with."""
    course_name: str | None
    """Name of the course in Canvas."""
    current_score: float | None
    """Total of the graded work in percent, as Canvas shows it; null if it shows none."""
    current_grade: str | None
    """Grade of Canvas for `current_score`, such as `B+`."""
    final_score: float | None
    """Total in percent with ungraded work counted as 0, as Canvas shows it."""
    final_grade: str | None
    """Grade of Canvas for `final_score`."""
    grades_hidden: bool
    """Whether Canvas hides the totals of the course from the student."""
    assignments: list[AssignmentGrade]
    """Grades of the assignments in Canvas, by due date."""


class Score(ResponseModel):
    """A score, and the grade as Canvas displays it."""

    score: float | None
    """Score as Canvas shows it: points of an assignment, percent of a course."""
    grade: str | None
    """Grade as Canvas displays it, such as `B+`."""


class GradeChange(ResponseModel):
    """A change of a score or grade that a sync found."""

    id: UUID
    """Id of the change in easeboard."""
    changed_at: datetime
    """When easeboard recorded the change: RFC 3339 in UTC."""
    course_id: UUID
    """Id of the course in easeboard."""
    course_name: str | None
    """Name of the course in Canvas."""
    assignment_id: UUID | None
    """Id of the assignment in easeboard; null for the total of a course."""
    assignment_name: str | None
    """Name of the assignment in Canvas; null for the total of a course."""
    subject: GradeSubject
    """Whether the total of a course changed in Canvas, or the grade of an assignment."""
    baseline: bool
    """Whether the first sync of easeboard found it: a first value instead of a change."""
    previous: Score | None
    """Score before, as Canvas showed it; null if there was none."""
    current: Score | None
    """Score after, as Canvas shows it; null if Canvas no longer shows one."""
    sync_id: UUID
    """Id in easeboard of the sync that found the change."""


class WhatIfTotals(ResponseModel):
    """The totals of a course as they would be with other scores. Nothing is recorded."""

    course_id: UUID
    """Id of the course in easeboard."""
    exact: bool
    """Whether easeboard calculates the present totals exactly as Canvas does."""
    reason: str | None
    """Why the totals are not exact, written by easeboard for people; null if they are exact."""
    current_score: float | None
    """Total of the graded work in percent, calculated by easeboard by the rules of Canvas."""
    current_grade: str | None
    """Grade for `current_score`, computed by easeboard with the grading scheme of Canvas."""
    final_score: float | None
    """Total in percent with ungraded work as 0, calculated by easeboard by the rules of Canvas."""
    final_grade: str | None
    """Grade for `final_score`, computed by easeboard with the grading scheme of Canvas."""
