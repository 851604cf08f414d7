"""Parses the enrollments in a row of a course: whose course it is, and the totals shown."""

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from domain.canvas import GradingPeriod, Totals
from infrastructure.canvas.json_fields import (
    as_object,
    as_objects,
    parse_id,
    parse_number,
    parse_text,
)

ROLES_BY_TYPE = {
    "student": "student",
    "StudentEnrollment": "student",
    "StudentViewEnrollment": "student",
    "ta": "ta",
    "TaEnrollment": "ta",
    "teacher": "teacher",
    "TeacherEnrollment": "teacher",
    "designer": "designer",
    "DesignerEnrollment": "designer",
    "observer": "observer",
    "ObserverEnrollment": "observer",
}
"""Canvas's `type` of an enrollment: the short one in a course, the long one in a list."""
ROLES_BY_PRIORITY = ("student", "ta", "teacher", "designer", "observer")
LIVE_STATES = frozenset({"active", "invited", "creation_pending"})
GONE_STATES = frozenset({"deleted", "rejected"})

COURSE_TOTAL_FIELDS = (
    "computed_current_score",
    "computed_current_grade",
    "computed_current_letter_grade",
)
PERIOD_TOTAL_PREFIX = "current_period_"
ENROLLMENT_GRADE_FIELDS = ("current_score", "current_grade", "final_score", "final_grade")
NO_TOTALS = Totals(current_score=None, current_grade=None, final_score=None, final_grade=None)


class CourseGrades(NamedTuple):
    """What the live student enrollment of a course states about totals."""

    shown: Totals | None
    """The totals that Canvas shows the student; None if it hides them."""
    course_totals: Totals | None = None
    period_totals: Totals | None = None
    grading_period: GradingPeriod | None = None
    has_grading_periods: bool = False
    all_periods_shown: bool = False


def with_own_enrollments(row: dict[str, Any], user_id: str | None) -> dict[str, Any]:
    """Return a course without the enrollments of other people, such as an observed student.

    The row itself is returned if no enrollment has this user id: it can have another form.
    """
    enrollments = as_objects(row.get("enrollments"))
    own = [item for item in enrollments if parse_id(item.get("user_id")) == user_id]
    return row if not own or len(own) == len(enrollments) else {**row, "enrollments": own}


def live_enrollments(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the enrollments of a course that decide: the live ones, else those that ended."""
    enrollments = [item for item in as_objects(row.get("enrollments")) if role_of(item) is not None]
    live = [item for item in enrollments if _state_of(item) in LIVE_STATES]
    ended = [item for item in enrollments if _state_of(item) not in GONE_STATES]
    return live or ended


def role_of(enrollment: dict[str, Any]) -> str | None:
    """Return the role of an enrollment; None if its type is unknown.

    The `type` counts, because an institution can give the `role` any name.
    """
    for key in ("type", "role"):
        value = enrollment.get(key)
        if isinstance(value, str) and (role := _role_of_type(value)):
            return role
    return None


def _role_of_type(type_: str) -> str | None:
    """Return the role; a type that is known as it is needs no parsing, which costs more."""
    return ROLES_BY_TYPE.get(type_) or ROLES_BY_TYPE.get(parse_text(type_) or "")


def parse_role(enrollments: Iterable[dict[str, Any]]) -> str:
    """Return the role of a person in a course by its `live_enrollments`, `student` first.

    A course without enrollments, such as a restricted one, counts as a student's.
    """
    roles = set(map(role_of, enrollments))
    return next((role for role in ROLES_BY_PRIORITY if role in roles), "student")


def has_ended(enrollments: Collection[dict[str, Any]]) -> bool:
    """Return whether none of the `live_enrollments` of a course is live any more."""
    return bool(enrollments) and all(_state_of(item) not in LIVE_STATES for item in enrollments)


def count_live(row: dict[str, Any]) -> int:
    """Return how many enrollments of a course are live by their stored state."""
    return sum(_state_of(item) in LIVE_STATES for item in live_enrollments(row))


def is_gone(row: dict[str, Any]) -> bool:
    """Return whether Canvas says that every enrollment of a course was deleted or rejected."""
    states = [_state_of(item) for item in as_objects(row.get("enrollments"))]
    return bool(states) and GONE_STATES.issuperset(states)


def student_enrollments(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the student enrollments of a course that decide, one for each section."""
    return [item for item in live_enrollments(row) if role_of(item) == "student"]


def shows_totals(enrollment: dict[str, Any]) -> bool:
    """Return whether an enrollment in a course has totals; hidden ones are absent keys."""
    return any(key in enrollment for key in COURSE_TOTAL_FIELDS)


def parse_grades(row: dict[str, Any], enrollments: Iterable[dict[str, Any]]) -> CourseGrades:
    """Parse the totals of a course, of the student enrollment that shows the most values.

    `enrollments` are its `live_enrollments`. While totals are hidden, Canvas still names the
    grading period.
    """
    of_student = [item for item in enrollments if role_of(item) == "student"]
    is_hidden = row.get("hide_final_grades") is True
    shown = [
        _parse_enrollment_grades(item)
        for item in of_student
        if shows_totals(item) and not is_hidden
    ]
    best = max(shown, key=_grades_completeness, default=None)
    return best or _parse_hidden_grades(of_student)


def parse_enrollment_totals(row: Any) -> Totals | None:
    """Parse the totals in a row of `GET /users/self/enrollments`; None if they are hidden."""
    grades = as_object(as_object(row).get("grades"))
    if not any(key in grades for key in ENROLLMENT_GRADE_FIELDS):
        return None
    return Totals(
        current_score=parse_number(grades.get("current_score")),
        current_grade=parse_text(grades.get("current_grade")),
        final_score=parse_number(grades.get("final_score")),
        final_grade=parse_text(grades.get("final_grade")),
    )


def most_complete(found: Iterable[Totals | None]) -> Totals | None:
    """Choose the totals with the most values, the first of equals; None if all are hidden."""
    return max(found, key=_completeness, default=None)


def _parse_enrollment_grades(enrollment: dict[str, Any]) -> CourseGrades:
    """Choose the totals as Canvas does.

    In a course with grading periods these are those of the current period. The totals over all
    periods are shown only if there is no current period and the course permits them.
    """
    course_totals = _parse_course_totals(enrollment)
    if not _has_periods(enrollment):
        return CourseGrades(course_totals, course_totals=course_totals)
    period = _parse_period(enrollment)
    period_totals = _parse_totals(enrollment, PERIOD_TOTAL_PREFIX) if period else None
    all_shown = enrollment.get("totals_for_all_grading_periods_option") is True
    return CourseGrades(
        period_totals or (course_totals if all_shown else NO_TOTALS),
        course_totals=course_totals,
        period_totals=period_totals,
        grading_period=period,
        has_grading_periods=True,
        all_periods_shown=all_shown,
    )


def _parse_hidden_grades(enrollments: list[dict[str, Any]]) -> CourseGrades:
    periods = [period for item in enrollments if (period := _parse_period(item))]
    return CourseGrades(
        None,
        grading_period=periods[0] if periods else None,
        has_grading_periods=any(map(_has_periods, enrollments)),
    )


def _has_periods(enrollment: dict[str, Any]) -> bool:
    flags = ("has_grading_periods", "multiple_grading_periods_enabled")
    return any(enrollment.get(flag) is True for flag in flags)


def _parse_period(enrollment: dict[str, Any]) -> GradingPeriod | None:
    id_ = parse_id(enrollment.get("current_grading_period_id"))
    if id_ is None:
        return None
    title = parse_text(enrollment.get("current_grading_period_title"))
    return GradingPeriod(id=id_, title=title)


def _parse_course_totals(enrollment: dict[str, Any]) -> Totals:
    totals = _parse_totals(enrollment, "")
    letter = parse_text(enrollment.get("computed_current_letter_grade"))
    totals["current_grade"] = totals["current_grade"] or letter
    return totals


def _parse_totals(enrollment: dict[str, Any], prefix: str) -> Totals:
    return Totals(
        current_score=parse_number(enrollment.get(f"{prefix}computed_current_score")),
        current_grade=parse_text(enrollment.get(f"{prefix}computed_current_grade")),
        final_score=parse_number(enrollment.get(f"{prefix}computed_final_score")),
        final_grade=parse_text(enrollment.get(f"{prefix}computed_final_grade")),
    )


def _grades_completeness(grades: CourseGrades) -> tuple[int, int]:
    return _completeness(grades.shown), _completeness(grades.course_totals)


def _completeness(totals: Totals | None) -> int:
    return 0 if totals is None else 1 + sum(value is not None for value in totals.values())


def _state_of(enrollment: dict[str, Any]) -> str:
    state = enrollment.get("enrollment_state")
    return "active" if state == "active" else parse_text(state) or "active"
