"""Adds to stored courses and assignments the fields that were not recorded at their time."""

from typing import Any

COURSE_FIELDS: dict[str, Any] = {
    "role": "student",
    "ended": False,
    "grading_period": None,
    "has_grading_periods": False,
    "weighted_periods": False,
    "all_periods_shown": False,
    "period_totals": None,
    "course_totals": None,
    "grading_scheme": None,
}
"""Values of a course of version 1: at that time every course counted as the student's."""
ASSIGNMENT_FIELDS: dict[str, Any] = {
    "position": None,
    "locked_for_user": None,
    "locked_by": None,
    "lock_explanation": None,
    "published": True,
    "omit_from_final_grade": False,
    "post_manually": None,
    "grading_period_id": None,
    "score_statistics": None,
}
"""Values of an assignment of version 1, except `parts`."""
SUBMISSION_FIELDS: dict[str, Any] = {
    "entered_score": None,
    "entered_grade": None,
    "late_policy_status": None,
    "grade_is_current": None,
    "submission_type": None,
}
"""Values of a submission of version 1."""


def add_course_fields(state: dict[str, Any]) -> None:
    """Add the fields of version 2 to the course and assignments of a CourseFetched of version 1."""
    state["course"] = COURSE_FIELDS | state["course"]
    state["assignments"] = [_add_assignment_fields(item) for item in state["assignments"]]


def _add_assignment_fields(assignment: dict[str, Any]) -> dict[str, Any]:
    submission = assignment["submission"]
    return (
        ASSIGNMENT_FIELDS
        | assignment
        | {
            "parts": [],
            "submission": SUBMISSION_FIELDS | submission if submission else None,
        }
    )
