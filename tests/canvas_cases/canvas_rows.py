"""Rows of JSON with times around the present, as a real Canvas sends them to a student."""

from datetime import UTC, datetime, timedelta
from typing import Any

Row = dict[str, Any]

NOW = datetime.now(UTC).replace(microsecond=0)
ROLES = {
    "student": "StudentEnrollment",
    "ta": "TaEnrollment",
    "teacher": "TeacherEnrollment",
    "designer": "DesignerEnrollment",
    "observer": "ObserverEnrollment",
}


def at(**offset: float) -> str:
    """The time that lies this long after the present, in the format of Canvas."""
    return (NOW + timedelta(**offset)).strftime("%Y-%m-%dT%H:%M:%SZ")


def enrollment(type_: str = "student", **fields: Any) -> Row:
    """An active enrollment of the student, without totals."""
    return {
        "type": type_,
        "role": ROLES[type_],
        "role_id": 3,
        "user_id": 501,
        "enrollment_state": "active",
        "limit_privileges_to_course_section": False,
        **fields,
    }


def totals(
    score: float | None = None, grade: str | None = None, final: float | None = None, **fields: Any
) -> Row:
    """The totals in an enrollment."""
    return {
        "computed_current_score": score,
        "computed_current_grade": grade,
        "computed_final_score": final,
        "computed_final_grade": None,
        **fields,
    }


def course(id_: int, name: str = "A course", *enrollments: Row, **fields: Any) -> Row:
    """A course with visible totals, unless other enrollments are given."""
    return {
        "id": id_,
        "name": name,
        "course_code": f"C{id_}",
        "account_id": 1,
        "workflow_state": "available",
        "hide_final_grades": False,
        "apply_assignment_group_weights": False,
        "time_zone": "America/Denver",
        "term": {"id": 9, "name": "Fall", "start_at": at(days=-90), "end_at": at(days=60)},
        "is_favorite": False,
        "teachers": [{"id": 7, "display_name": "T"}],
        "concluded": False,
        "access_restricted_by_date": False,
        "enrollments": list(enrollments) or [enrollment(**totals(88.5, None, 70.0))],
        **fields,
    }


def submission(**fields: Any) -> Row:
    """A submission with which nothing has happened yet."""
    return {
        "id": 1,
        "user_id": 501,
        "score": None,
        "grade": None,
        "excused": False,
        "attempt": None,
        "submitted_at": None,
        "graded_at": None,
        "posted_at": None,
        "workflow_state": "unsubmitted",
        "late": False,
        "missing": False,
        "points_deducted": None,
        "grade_matches_current_submission": True,
        "seconds_late": 0,
        **fields,
    }


def graded(score: float, **fields: Any) -> Row:
    """A submission with a posted grade."""
    grade = {"score": score, "grade": str(score), "workflow_state": "graded", "attempt": 1}
    times = {"graded_at": at(days=-1), "posted_at": at(days=-1), "submitted_at": at(days=-3)}
    return submission(**(grade | times | fields))


def assignment(id_: int, name: str = "Some work", **fields: Any) -> Row:
    """An assignment that is submitted online and due in three days."""
    return {
        "id": id_,
        "name": name,
        "due_at": at(days=3),
        "unlock_at": None,
        "lock_at": None,
        "points_possible": 10.0,
        "grading_type": "points",
        "submission_types": ["online_upload"],
        "html_url": f"http://127.0.0.1/courses/1/assignments/{id_}",
        "workflow_state": "published",
        "published": True,
        "omit_from_final_grade": False,
        "locked_for_user": False,
        "submission": submission(),
        **fields,
    }


def group(id_: int, *assignments: Row, **fields: Any) -> Row:
    """An assignment group without weight and rules."""
    return {
        "id": id_,
        "name": f"Group {id_}",
        "position": 1,
        "group_weight": 0.0,
        "rules": {},
        "assignments": list(assignments),
        **fields,
    }
