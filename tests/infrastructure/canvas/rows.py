"""Rows of JSON as Canvas sends them to a student."""

from typing import Any


def course_row(canvas_id: str = "101", **fields: Any) -> dict[str, Any]:
    """An active course with visible totals."""
    return {
        "id": canvas_id,
        "name": "Linear Algebra",
        "course_code": "MATH 2210",
        "account_id": "1",
        "workflow_state": "available",
        "term": {"id": "3", "name": "Fall", "start_at": "2026-08-20T06:00:00Z", "end_at": None},
        "is_favorite": True,
        "concluded": False,
        "teachers": [{"id": "7", "display_name": "Emmy Noether", "avatar_image_url": "x"}],
        "time_zone": "America/Denver",
        "apply_assignment_group_weights": True,
        "hide_final_grades": False,
        "image_download_url": "https://images.example/101?sig=1",
        "enrollments": [enrollment_row()],
        **fields,
    }


def enrollment_row(**fields: Any) -> dict[str, Any]:
    """A student enrollment inside a course."""
    return {
        "type": "student",
        "role": "StudentEnrollment",
        "user_id": "42",
        "enrollment_state": "active",
        "computed_current_score": 91.5,
        "computed_current_grade": "A-",
        "computed_current_letter_grade": "A-",
        "computed_final_score": 80.0,
        "computed_final_grade": "B-",
        **fields,
    }


def submission_row(**fields: Any) -> dict[str, Any]:
    """A submission with a posted grade."""
    return {
        "id": "900",
        "assignment_id": "5001",
        "user_id": "42",
        "score": 9.5,
        "grade": "9.5",
        "entered_score": 9.5,
        "entered_grade": "9.5",
        "late_policy_status": None,
        "grade_matches_current_submission": True,
        "submission_type": "online_upload",
        "excused": False,
        "attempt": 1,
        "submitted_at": "2026-09-10T04:00:00Z",
        "graded_at": "2026-09-12T18:00:00Z",
        "posted_at": "2026-09-12T18:00:00Z",
        "workflow_state": "graded",
        "late": False,
        "missing": False,
        "points_deducted": None,
        "seconds_late": 0,
        "preview_url": "https://canvas.example/preview?verifier=1",
        **fields,
    }


def assignment_row(canvas_id: str = "5001", **fields: Any) -> dict[str, Any]:
    """An assignment with a graded submission."""
    return {
        "id": canvas_id,
        "course_id": "101",
        "name": "Problem set 1",
        "description": None,
        "due_at": "2026-09-11T05:59:59Z",
        "unlock_at": None,
        "lock_at": None,
        "points_possible": 10.0,
        "grading_type": "points",
        "assignment_group_id": "11",
        "position": 1,
        "submission_types": ["online_upload"],
        "allowed_attempts": -1,
        "html_url": "https://canvas.example/courses/101/assignments/5001",
        "workflow_state": "published",
        "published": True,
        "locked_for_user": False,
        "omit_from_final_grade": False,
        "post_manually": False,
        "submission": submission_row(assignment_id=canvas_id),
        **fields,
    }


def group_row(canvas_id: str = "11", *assignments: dict[str, Any]) -> dict[str, Any]:
    """An assignment group with its assignments."""
    return {
        "id": canvas_id,
        "name": "Homework",
        "position": 1,
        "group_weight": 40.0,
        "rules": {},
        "assignments": list(assignments),
    }


def planner_row(**fields: Any) -> dict[str, Any]:
    """The assignment of `assignment_row` as the planner shows it."""
    return {
        "context_type": "Course",
        "course_id": "101",
        "plannable_id": "5001",
        "planner_override": None,
        "plannable_type": "assignment",
        "new_activity": False,
        "submissions": {
            "submitted": True,
            "excused": False,
            "graded": True,
            "posted_at": "2026-09-12T18:00:00Z",
            "late": False,
            "missing": False,
            "needs_grading": False,
            "has_feedback": False,
            "redo_request": False,
        },
        "plannable_date": "2026-09-11T05:59:59Z",
        "plannable": {
            "id": "5001",
            "title": "Problem set 1",
            "points_possible": 10.0,
            "due_at": "2026-09-11T05:59:59Z",
        },
        "html_url": "/courses/101/assignments/5001",
        "context_name": "Linear Algebra",
        **fields,
    }
