"""Parses courses and enrollments of Canvas to the records of the domain."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from domain.canvas import Course, Teacher, Term
from infrastructure.canvas.json_fields import (
    as_object,
    as_objects,
    parse_id,
    parse_number,
    parse_text,
    parse_time,
    parse_url,
)

MAX_TEACHERS = 200
STUDENT_ENROLLMENT_TYPES = frozenset({"student", "StudentEnrollment"})
"""Values of Canvas's `type` of an enrollment: `student` in a course, the other in a list."""

TOTAL_FIELDS = ("computed_current_score", "computed_current_grade", "computed_current_letter_grade")
ENROLLMENT_GRADE_FIELDS = ("current_score", "current_grade", "final_score", "final_grade")


class CourseTotals(NamedTuple):
    """The total score and grade of a course: of graded work (current) and of all work (final)."""

    current_score: float | None = None
    current_grade: str | None = None
    final_score: float | None = None
    final_grade: str | None = None


def parse_course(row: Any, origin: str) -> Course | None:
    """Parse a row of `GET /courses`; None if it has no id."""
    row = as_object(row)
    canvas_id = parse_id(row.get("id"))
    if canvas_id is None:
        return None
    state = _parse_state(row)
    totals = _parse_totals(row)
    shown = totals or CourseTotals()
    return Course(
        canvas_id=canvas_id,
        name=parse_text(row.get("name")),
        course_code=parse_text(row.get("course_code")),
        term=_parse_term(as_object(row.get("term"))),
        state=state,
        favorite=row.get("is_favorite") is True,
        teachers=_parse_teachers(row.get("teachers")),
        time_zone=parse_text(row.get("time_zone")),
        current_score=shown.current_score,
        current_grade=shown.current_grade,
        final_score=shown.final_score,
        final_grade=shown.final_grade,
        grades_hidden=totals is None and state != "restricted",
        weighted=row.get("apply_assignment_group_weights") is True,
        image_url=parse_url(row.get("image_download_url")),
        html_url=f"{origin}/courses/{canvas_id}",
    )


def find_student_id(row: Any) -> str | None:
    """Find the id of the student in a row of `GET /courses`: the user of the student enrollment."""
    found = (
        parse_id(enrollment.get("user_id")) for enrollment in student_enrollments(as_object(row))
    )
    return next((id_ for id_ in found if id_), None)


def student_enrollments(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The student enrollments in a row of `GET /courses`, one for each section."""
    return [
        item
        for item in as_objects(row.get("enrollments"))
        if parse_text(item.get("type")) in STUDENT_ENROLLMENT_TYPES
    ]


def shows_totals(enrollment: dict[str, Any]) -> bool:
    """Whether an enrollment in a row of `GET /courses` has totals; hidden ones are absent keys."""
    return any(key in enrollment for key in TOTAL_FIELDS)


def parse_enrollment_totals(row: Any) -> CourseTotals | None:
    """Parse the totals in a row of `GET /users/self/enrollments`; None if they are hidden."""
    grades = as_object(as_object(row).get("grades"))
    if not any(key in grades for key in ENROLLMENT_GRADE_FIELDS):
        return None
    return CourseTotals(
        current_score=parse_number(grades.get("current_score")),
        current_grade=parse_text(grades.get("current_grade")),
        final_score=parse_number(grades.get("final_score")),
        final_grade=parse_text(grades.get("final_grade")),
    )


def most_complete(found: Iterable[CourseTotals | None]) -> CourseTotals | None:
    """Choose the totals with the most values, the first of equals; None if all are hidden."""
    return max(found, key=_completeness, default=None)


def _parse_state(row: dict[str, Any]) -> str:
    if row.get("access_restricted_by_date") is True:
        return "restricted"
    is_concluded = row.get("concluded") is True or row.get("workflow_state") == "completed"
    return "concluded" if is_concluded else "active"


def _parse_totals(row: dict[str, Any]) -> CourseTotals | None:
    if row.get("hide_final_grades") is True:
        return None
    return most_complete(
        _parse_section_totals(enrollment)
        for enrollment in student_enrollments(row)
        if shows_totals(enrollment)
    )


def _completeness(totals: CourseTotals | None) -> int:
    return 0 if totals is None else 1 + any(part is not None for part in totals)


def _parse_section_totals(enrollment: dict[str, Any]) -> CourseTotals:
    score = parse_number(enrollment.get("computed_current_score"))
    grade = parse_text(enrollment.get("computed_current_grade"))
    grade = grade or parse_text(enrollment.get("computed_current_letter_grade"))
    if score is None and grade is None:
        score = parse_number(enrollment.get("current_period_computed_current_score"))
        grade = parse_text(enrollment.get("current_period_computed_current_grade"))
    return CourseTotals(
        current_score=score,
        current_grade=grade,
        final_score=parse_number(enrollment.get("computed_final_score")),
        final_grade=parse_text(enrollment.get("computed_final_grade")),
    )


def _parse_term(row: dict[str, Any]) -> Term | None:
    id_ = parse_id(row.get("id"))
    if id_ is None:
        return None
    return Term(
        id=id_,
        name=parse_text(row.get("name")),
        start_at=parse_time(row.get("start_at")),
        end_at=parse_time(row.get("end_at")),
    )


def _parse_teachers(rows: Any) -> list[Teacher]:
    found = {
        id_: Teacher(id=id_, name=parse_text(row.get("display_name")))
        for row in as_objects(rows)[:MAX_TEACHERS]
        if (id_ := parse_id(row.get("id")))
    }
    return [found[id_] for id_ in sorted(found)]
