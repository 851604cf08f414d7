"""Schemas of courses and assignments, and of all data of a user."""

from datetime import datetime
from uuid import UUID

from interfaces.http.schemas.connections import Connection
from interfaces.http.schemas.enumerations import AssignmentStatus, CourseRole, CourseState
from interfaces.http.schemas.grades import Grade
from interfaces.http.schemas.response_model import ResponseModel


class Term(ResponseModel):
    """An enrollment term."""

    id: str
    """Canvas id of the term."""
    name: str | None
    """Name of the term in Canvas."""
    start_at: datetime | None
    """Start of the term in Canvas: RFC 3339 in UTC."""
    end_at: datetime | None
    """End of the term in Canvas: RFC 3339 in UTC."""


class Teacher(ResponseModel):
    """A teacher of a course."""

    id: str
    """Canvas id of the teacher."""
    name: str | None
    """Display name in Canvas."""


class GradingPeriod(ResponseModel):
    """A part of a term with totals of its own."""

    id: str
    """Canvas id of the grading period."""
    title: str | None
    """Title in Canvas, such as `Q2`."""


class CourseProblem(ResponseModel):
    """The reason why a part of a course could not be read."""

    code: str
    """What failed, set by easeboard: a word for programs, such as `canvas-timeout`."""
    detail: str
    """What failed and what to do, written by easeboard for people."""


class Course(ResponseModel):
    """A course, with the totals that Canvas shows the student."""

    id: UUID
    """Id of the course in easeboard."""
    connection_id: UUID
    """Id in easeboard of the connection that it was read with."""
    canvas_id: str
    """Canvas id of the course."""
    name: str | None
    """Name in Canvas; null while Canvas shows only the id."""
    course_code: str | None
    """Short name in Canvas, such as `MATH 2210`."""
    term: Term | None
    """Enrollment term in Canvas; null if Canvas shows none."""
    role: CourseRole
    """Role of the person in the course, from their Canvas enrollments."""
    state: CourseState
    """State of the course, computed by easeboard from what Canvas lists."""
    favorite: bool
    """Whether the person marked it as a favorite in Canvas."""
    teachers: list[Teacher]
    """Teachers that Canvas names."""
    time_zone: str | None
    """IANA time zone of the course in Canvas, such as `America/Denver`."""
    current_score: float | None
    """Total of the graded work in percent, as Canvas shows it; null if it shows none."""
    current_grade: str | None
    """Grade of Canvas for `current_score`, such as `B+`."""
    final_score: float | None
    """Total in percent with ungraded work counted as 0, as Canvas shows it."""
    final_grade: str | None
    """Grade of Canvas for `final_score`."""
    grading_period: GradingPeriod | None
    """Canvas grading period that the totals are of; null if they are of the whole course."""
    grades_hidden: bool
    """Whether Canvas hides the totals of the course from the student."""
    weighted: bool
    """Whether Canvas weights the totals by assignment group."""
    exact: bool | None
    """Whether easeboard calculates the same totals as Canvas; null if Canvas shows none."""
    image_url: str | None
    """URL of the image in Canvas, without a signed query."""
    html_url: str | None
    """URL of the course in Canvas."""
    assignment_count: int
    """Number of assignments that easeboard has of the course."""
    problem: CourseProblem | None
    """Why easeboard could not read its assignments last time; null if it could."""
    updated_at: datetime
    """When easeboard last recorded a change of the course: RFC 3339 in UTC."""


class Group(ResponseModel):
    """An assignment group."""

    id: str
    """Canvas id of the group."""
    name: str | None
    """Name in Canvas."""
    weight: float | None
    """Weight of the group in Canvas, in percent of the total of the course."""


class Submission(ResponseModel):
    """The student's submission to an assignment."""

    state: str
    """Workflow state in Canvas, such as `submitted`, `graded` or `pending_review`."""
    score: float | None
    """Score in points, as Canvas shows it; null while no grade is posted."""
    grade: str | None
    """Grade as Canvas displays it; null while none is posted."""
    submitted_at: datetime | None
    """When it was submitted, according to Canvas: RFC 3339 in UTC."""
    graded_at: datetime | None
    """When it was graded, according to Canvas: RFC 3339 in UTC."""
    posted_at: datetime | None
    """When the student could first see the grade, according to Canvas: RFC 3339 in UTC."""
    excused: bool
    """Whether Canvas marks it as excused."""
    late: bool
    """Whether Canvas marks it as late."""
    missing: bool
    """Whether Canvas marks it as missing."""
    points_deducted: float | None
    """Points that the late policy of Canvas deducted."""
    attempt: int | None
    """Number of the attempt in Canvas, from 1; null before the first one."""


class AssignmentPart(ResponseModel):
    """A part of an assignment with a date of its own: a checkpoint of a discussion."""

    name: str | None
    """Name of the part in Canvas."""
    due_at: datetime | None
    """When it is due for the student, according to Canvas: RFC 3339 in UTC."""
    points_possible: float | None
    """Points for full marks in Canvas."""
    status: AssignmentStatus
    """Status of the part, computed by easeboard at the time of the request."""
    score: float | None
    """Score in points, as Canvas shows it; null while no grade is posted."""


class Assignment(ResponseModel):
    """An assignment with the student's own dates and submission."""

    id: UUID
    """Id of the assignment in easeboard."""
    connection_id: UUID
    """Id in easeboard of the connection that it was read with."""
    course_id: UUID
    """Id of its course in easeboard."""
    canvas_id: str
    """Canvas id of the assignment."""
    name: str | None
    """Name in Canvas."""
    group: Group | None
    """Its assignment group in Canvas."""
    due_at: datetime | None
    """When it is due for the student in Canvas, or its next part not done: RFC 3339 in UTC."""
    unlock_at: datetime | None
    """From when Canvas permits the student to work on it: RFC 3339 in UTC."""
    lock_at: datetime | None
    """Until when Canvas accepts a submission: RFC 3339 in UTC."""
    points_possible: float | None
    """Points for full marks in Canvas."""
    grading_type: str | None
    """How Canvas displays its grade, such as `points`, `percent` or `not_graded`."""
    submission_types: list[str]
    """What can be submitted in Canvas, such as `online_upload` or `on_paper`."""
    html_url: str | None
    """URL of the assignment in Canvas."""
    status: AssignmentStatus
    """Status, computed by easeboard at the time of the request."""
    locked: bool
    """Whether Canvas accepts no submission at the time of the request."""
    lock_reason: str | None
    """Why it is locked, from Canvas, for people; null if it is not, or if Canvas does not say."""
    parts: list[AssignmentPart]
    """Its parts in Canvas, by due date; empty for an ordinary assignment."""
    omit_from_final_grade: bool
    """Whether Canvas leaves it out of the totals of the course."""
    grading_period_id: str | None
    """Canvas id of the grading period that it counts in; null without grading periods."""
    submission: Submission | None
    """The student's submission in Canvas; null if Canvas shows none."""
    updated_at: datetime
    """When easeboard last recorded a change of the assignment: RFC 3339 in UTC."""


class Everything(ResponseModel):
    """All data of a user in one document."""

    connections: list[Connection]
    """Open connections of the user in easeboard."""
    courses: list[Course]
    """Courses, as easeboard last read them from Canvas."""
    assignments: list[Assignment]
    """Assignments, as easeboard last read them from Canvas."""
    grades: list[Grade]
    """Grades by course, as easeboard last read them from Canvas."""
    synced_at: datetime | None
    """When easeboard last completed a sync of one of the connections: RFC 3339 in UTC."""
