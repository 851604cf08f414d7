"""Parses courses of Canvas to the records of the domain."""

from typing import Any

from yarl import URL

from domain.canvas import Course, SchemeGrade, Teacher, Term
from infrastructure.canvas.json_fields import (
    as_object,
    as_objects,
    parse_id,
    parse_number,
    parse_text,
    parse_time,
    parse_url,
)
from infrastructure.canvas.parse_enrollments import (
    NO_TOTALS,
    CourseGrades,
    has_ended,
    is_gone,
    live_enrollments,
    parse_grades,
    parse_role,
    student_enrollments,
)

MAX_TEACHERS = 200
MAX_SCHEME_GRADES = 100
SCHEME_GRADE_FIELDS = 2


def parse_course(row: Any, origin: str, *, ended: bool = False) -> Course | None:
    """Parse a row of `GET /courses`; None if it has no id.

    `ended` is true for a row of the list of ended courses.
    """
    row = as_object(row)
    canvas_id = parse_id(row.get("id"))
    if canvas_id is None:
        return None
    enrollments = live_enrollments(row)
    role, grades = parse_role(enrollments), parse_grades(row, enrollments)
    shown = grades.shown or NO_TOTALS
    ended = ended or has_ended(enrollments)
    state = _parse_state(row, ended=ended)
    return Course(
        canvas_id=canvas_id,
        name=parse_text(row.get("name")),
        course_code=parse_text(row.get("course_code")),
        term=_parse_term(as_object(row.get("term"))),
        role=role,
        state=state,
        ended=ended,
        favorite=row.get("is_favorite") is True,
        teachers=_parse_teachers(row.get("teachers")),
        time_zone=parse_text(row.get("time_zone")),
        **shown,
        grading_period=grades.grading_period,
        has_grading_periods=grades.has_grading_periods,
        weighted_periods=row.get("has_weighted_grading_periods") is True,
        all_periods_shown=grades.all_periods_shown,
        period_totals=grades.period_totals,
        course_totals=grades.course_totals,
        grading_scheme=_parse_scheme(row, grades),
        grades_hidden=_hides_totals(row, role, grades) and state != "restricted",
        weighted=row.get("apply_assignment_group_weights") is True,
        image_url=_parse_image_url(row.get("image_download_url")),
        html_url=f"{origin}/courses/{canvas_id}",
    )


def ended_course(canvas_id: str, origin: str) -> Course:
    """Return the record of a course that has ended and of which Canvas shows no totals.

    Everything else that is known of it stays, as with a restricted course.
    """
    row = {"id": canvas_id, "access_restricted_by_date": True}
    course = parse_course(row, origin, ended=True)
    if course is None:
        raise ValueError(f"not the id of a course: {canvas_id!r}")
    return course


def find_student_id(row: Any) -> str | None:
    """Find the id of the student in a row of `GET /courses`: the user of the student enrollment."""
    found = (
        parse_id(enrollment.get("user_id")) for enrollment in student_enrollments(as_object(row))
    )
    return next((id_ for id_ in found if id_), None)


def _parse_state(row: dict[str, Any], *, ended: bool) -> str:
    workflow_state = parse_text(row.get("workflow_state"))
    if workflow_state == "deleted" or is_gone(row):
        return "withdrawn"
    if row.get("access_restricted_by_date") is True:
        return "restricted"
    concluded = ended or row.get("concluded") is True or workflow_state == "completed"
    return "concluded" if concluded else "active"


def _hides_totals(row: dict[str, Any], role: str, grades: CourseGrades) -> bool:
    """Return whether Canvas hides the totals: those of a student are absent then."""
    return grades.shown is None if role == "student" else row.get("hide_final_grades") is True


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


def _parse_scheme(row: dict[str, Any], grades: CourseGrades) -> list[SchemeGrade] | None:
    """Parse the grading scheme: pairs of a grade and its lower bound.

    Canvas sends its default scheme for a course that has none, so the scheme counts only if the
    course names one or shows a grade.
    """
    shown = (grades.course_totals, grades.period_totals)
    has_grades = any(each and (each["current_grade"] or each["final_grade"]) for each in shown)
    pairs = row.get("grading_scheme")
    if not isinstance(pairs, list) or not (has_grades or parse_id(row.get("grading_standard_id"))):
        return None
    parsed = [_parse_scheme_grade(pair) for pair in pairs[:MAX_SCHEME_GRADES]]
    return [grade for grade in parsed if grade] if parsed and all(parsed) else None


def _parse_scheme_grade(pair: Any) -> SchemeGrade | None:
    if not isinstance(pair, list) or len(pair) != SCHEME_GRADE_FIELDS:
        return None
    name, lower_bound = parse_text(pair[0]), parse_number(pair[1])
    if name is None or lower_bound is None:
        return None
    return SchemeGrade(name=name, lower_bound=lower_bound)


def _parse_image_url(value: Any) -> str | None:
    """Parse the URL of an image, without user, query and fragment, which may contain a key."""
    text = parse_url(value)
    if text is None:
        return None
    try:
        url = URL(text)
        return str(url.with_user(None).with_query(None).with_fragment(None)) if url.host else None
    except ValueError:
        return None
