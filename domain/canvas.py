"""Records of what a student sees in Canvas.

Ids are those of Canvas, as text. Times are RFC 3339 in UTC, to the second, as text:
`2026-09-01T05:59:59Z`. Events store the records with these keys, so a key can be added but never
renamed or removed.
"""

from typing import TypedDict
from uuid import UUID, uuid5


class Score(TypedDict):
    """A score and the grade for it."""

    score: float | None
    """Points of an assignment, or the total of a course in per cent."""
    grade: str | None
    """The grade as Canvas shows it, such as `A-`, `93.5` or `complete`."""


class Term(TypedDict):
    """An enrollment term."""

    id: str
    """The Canvas id as text."""
    name: str | None
    """Its name."""
    start_at: str | None
    """Its start, RFC 3339 in UTC."""
    end_at: str | None
    """Its end, RFC 3339 in UTC."""


class Teacher(TypedDict):
    """A teacher of a course."""

    id: str
    """The Canvas id of the user as text."""
    name: str | None
    """The display name."""


class GradingPeriod(TypedDict):
    """A grading period: a part of a term with totals of its own."""

    id: str
    """The Canvas id as text."""
    title: str | None
    """Its title, such as `Q2`."""


class Totals(TypedDict):
    """The totals of an enrollment, of graded work (`current`) and of all work (`final`)."""

    current_score: float | None
    """In per cent."""
    current_grade: str | None
    """The grade for `current_score`."""
    final_score: float | None
    """In per cent, with ungraded work counted as 0."""
    final_grade: str | None
    """The grade for `final_score`."""


class SchemeGrade(TypedDict):
    """A grade of a grading scheme."""

    name: str
    """The grade, such as `A-`."""
    lower_bound: float
    """The lowest score for it, as a fraction of 1."""


class Course(TypedDict):
    """A course as one person sees it."""

    canvas_id: str
    """The Canvas id as text."""
    name: str | None
    """Its name; null if the course is restricted."""
    course_code: str | None
    """Its short name, such as `MATH 2210`."""
    term: Term | None
    """Its enrollment term."""
    role: str
    """`student`, `ta`, `teacher`, `designer` or `observer`: the role of the live enrollment."""
    state: str
    """`active`, `concluded`, `restricted` (Canvas shows the id only) or `withdrawn` (deleted)."""
    ended: bool
    """Whether Canvas lists it with the ended courses; also known of a restricted one."""
    favorite: bool
    """Whether the student has marked it as a favorite."""
    teachers: list[Teacher]
    """Its teachers, sorted by id."""
    time_zone: str | None
    """Its IANA time zone, such as `America/Denver`."""
    current_score: float | None
    """The total of graded work that Canvas shows the student, in per cent."""
    current_grade: str | None
    """The grade for `current_score`."""
    final_score: float | None
    """The total of all work, with ungraded work counted as 0, in per cent."""
    final_grade: str | None
    """The grade for `final_score`."""
    grading_period: GradingPeriod | None
    """The current grading period, which the totals are of; null if there is none."""
    has_grading_periods: bool
    """Whether the course has grading periods, current or not."""
    weighted_periods: bool
    """Whether the totals over all grading periods weigh the periods."""
    all_periods_shown: bool
    """Whether Canvas shows the student totals over all grading periods."""
    period_totals: Totals | None
    """The totals of the current grading period; null if Canvas sent none."""
    course_totals: Totals | None
    """The totals over all grading periods, shown or not; null if Canvas sent none."""
    grading_scheme: list[SchemeGrade] | None
    """The grades of the course from the best to the worst; null without a grading scheme."""
    grades_hidden: bool
    """Whether Canvas hides the totals from the student."""
    weighted: bool
    """Whether the totals are weighted by assignment group."""
    image_url: str | None
    """The URL of its image without query, because a query may contain a key that expires."""
    html_url: str
    """The URL of its page in Canvas."""


class Group(TypedDict):
    """An assignment group."""

    id: str
    """The Canvas id as text; empty if Canvas sent none."""
    name: str | None
    """Its name."""
    weight: float | None
    """Its weight in the total of the course, in per cent."""


class AssignmentGroup(TypedDict):
    """An assignment group with everything that decides how it counts."""

    id: str
    """The Canvas id as text."""
    name: str | None
    """Its name."""
    weight: float | None
    """Its weight in the total of the course, in per cent."""
    position: int | None
    """Its place among the groups of the course, from 1."""
    drop_lowest: int
    """How many of the lowest scores do not count."""
    drop_highest: int
    """How many of the highest scores do not count."""
    never_drop: list[str]
    """The Canvas ids of the assignments that always count, as text."""


class ScoreStatistics(TypedDict):
    """The scores of all students; Canvas shows them when at least five are graded."""

    min: float | None
    """The lowest score, in points."""
    max: float | None
    """The highest score, in points."""
    mean: float | None
    """The mean score, in points."""


class Submission(TypedDict):
    """The student's own submission; a hidden grade has neither score nor grade."""

    state: str
    """The `workflow_state` of Canvas: `unsubmitted`, `submitted`, `pending_review` or `graded`."""
    score: float | None
    """The points, after a deduction for lateness."""
    grade: str | None
    """The grade as Canvas shows it, such as `A-`, `93.5` or `complete`."""
    submitted_at: str | None
    """When the student submitted, RFC 3339 in UTC."""
    graded_at: str | None
    """When it was last graded, RFC 3339 in UTC; also set while the grade is hidden."""
    posted_at: str | None
    """When the grade was posted (made visible), RFC 3339 in UTC."""
    excused: bool
    """Whether the assignment does not count for the student."""
    late: bool
    """Whether Canvas marks it as late."""
    missing: bool
    """Whether Canvas marks it as missing."""
    points_deducted: float | None
    """The points that the late policy has deducted."""
    attempt: int | None
    """The number of the attempt, from 1; null before the first."""
    entered_score: float | None
    """The points before a deduction for lateness."""
    entered_grade: str | None
    """The grade before a deduction for lateness."""
    late_policy_status: str | None
    """What a teacher or the late policy set: `late`, `missing`, `extended` or `none`."""
    grade_is_current: bool | None
    """Whether the grade is of the newest attempt: `grade_matches_current_submission`."""
    submission_type: str | None
    """How the student submitted, such as `online_upload`; null before the first attempt."""


class Part(TypedDict):
    """A part of an assignment with its own date: a checkpoint of a discussion."""

    tag: str
    """What identifies it in its assignment, such as `reply_to_topic`."""
    name: str | None
    """Its name."""
    due_at: str | None
    """When it is due for this student, RFC 3339 in UTC."""
    unlock_at: str | None
    """From when the student can work on it, RFC 3339 in UTC."""
    lock_at: str | None
    """Until when the student can submit, RFC 3339 in UTC."""
    points_possible: float | None
    """The points for full marks."""
    submission: Submission | None
    """The student's submission to it; null if Canvas sent none."""


class Assignment(TypedDict):
    """An assignment with the dates and the submission of the student."""

    canvas_id: str
    """The Canvas id as text."""
    name: str | None
    """Its name."""
    group: Group
    """Its assignment group."""
    position: int | None
    """Its place in its group, from 1."""
    due_at: str | None
    """When it, or its next part that is not done, is due for this student, RFC 3339 in UTC."""
    unlock_at: str | None
    """From when the student can work on it, RFC 3339 in UTC."""
    lock_at: str | None
    """Until when the student can submit, RFC 3339 in UTC."""
    locked_for_user: bool | None
    """Whether Canvas says that it is locked for the student; null if it does not say."""
    locked_by: str | None
    """Why it is locked: `date`, `module` or `other`; null if it is not locked."""
    lock_explanation: str | None
    """Canvas's explanation of the lock, as text without HTML."""
    parts: list[Part]
    """Its parts, by due date; empty for an ordinary assignment."""
    published: bool
    """Whether students can see it."""
    omit_from_final_grade: bool
    """Whether it does not count in the totals of the course."""
    post_manually: bool | None
    """Whether the teacher posts its grades by hand; null if Canvas does not say."""
    grading_period_id: str | None
    """The Canvas id of the grading period that it counts in, as text; null if there is none."""
    score_statistics: ScoreStatistics | None
    """The scores of all students; null if Canvas does not show them."""
    points_possible: float | None
    """The points for full marks."""
    grading_type: str | None
    """The `grading_type` of Canvas, such as `points`, `percent` or `pass_fail`."""
    submission_types: list[str]
    """The `submission_types` of Canvas, such as `online_upload` or `on_paper`."""
    html_url: str | None
    """The URL of its page in Canvas."""
    submission: Submission | None
    """The student's submission; null if Canvas sent none."""


def course_score(course: Course) -> Score | None:
    """Return the total of a course that the student can see; None if there is none."""
    return visible_score(course["current_score"], course["current_grade"])


def assignment_score(assignment: Assignment) -> Score | None:
    """Return the score of an assignment that the student can see; None if there is none."""
    submission = assignment["submission"]
    return visible_score(submission["score"], submission["grade"]) if submission else None


def visible_score(score: float | None, grade: str | None) -> Score | None:
    """Return the record of a score and grade; None if both are None."""
    return None if score is None and grade is None else Score(score=score, grade=grade)


def course_id(connection_id: UUID, canvas_id: str) -> UUID:
    """Return the id of a course in easeboard: a UUIDv5, the same after every rebuild."""
    return uuid5(connection_id, f"course/{canvas_id}")


def assignment_id(connection_id: UUID, canvas_id: str) -> UUID:
    """Return the id of an assignment in easeboard: a UUIDv5, the same after every rebuild."""
    return uuid5(connection_id, f"assignment/{canvas_id}")
