"""The JSON of assignments and assignment groups."""

from typing import Any

from infrastructure.canvas_sandbox.model import Assignment, Group
from infrastructure.canvas_sandbox.sandbox_clock import format_time
from infrastructure.canvas_sandbox.serializers.person import opaque_id
from infrastructure.canvas_sandbox.serializers.view import CourseView

ASSIGNMENT_CONSTANTS: dict[str, Any] = {
    "automatic_peer_reviews": False,
    "grade_group_students_individually": False,
    "anonymous_peer_reviews": False,
    "group_category_id": None,
    "peer_reviews": False,
    "anonymous_grading": False,
    "anonymous_instructor_annotations": False,
    "graders_anonymous_to_graders": False,
    "grader_count": 0,
    "grader_comments_visible_to_graders": True,
    "final_grader_id": None,
    "grader_names_visible_to_final_grader": True,
    "allowed_attempts": -1,
    "annotatable_attachment_id": None,
    "hide_in_gradebook": False,
    "intra_group_peer_reviews": False,
    "important_dates": False,
    "moderated_grading": False,
    "can_duplicate": False,
    "original_course_id": None,
    "original_assignment_id": None,
    "original_lti_resource_link_id": None,
    "original_assignment_name": None,
    "original_quiz_id": None,
    "workflow_state": "published",
    "published": True,
    "max_name_length": 255,
    "due_date_required": False,
    "require_lockdown_browser": False,
    "in_closed_grading_period": False,
    "restrict_quantitative_data": False,
    "anonymize_students": False,
    "only_visible_to_overrides": False,
    "visible_to_everyone": True,
    "muted": False,
}


def serialize_assignment(subject: Assignment, view: CourseView) -> dict[str, Any]:
    """Serialize an assignment; its description is null until it is unlocked."""
    page = f"{view.page_url}/assignments/{subject.id}"
    lock = _lock_info(subject, view.now)
    quiz = subject.submission_type == "online_quiz"
    shown = {
        "id": subject.id,
        "description": None if "unlock_at" in lock else subject.description,
        "due_at": format_time(subject.due_at),
        "unlock_at": format_time(subject.unlock_at),
        "lock_at": format_time(subject.lock_at),
        "points_possible": subject.points,
        "grading_type": subject.grading_type,
        "assignment_group_id": subject.group.id,
        "grading_standard_id": None,
        "created_at": format_time(subject.created_at),
        "updated_at": format_time(subject.updated_at),
        **ASSIGNMENT_CONSTANTS,
        "position": subject.position,
        "post_manually": subject.post_manually,
        "omit_from_final_grade": subject.omitted,
        "lti_context_id": opaque_id("lti", subject.id, length=32),
        "secure_params": _secure_params(subject),
        "course_id": view.course.id,
        "name": subject.name,
        "submission_types": [subject.submission_type],
        "has_submitted_submissions": True,
        "is_quiz_assignment": quiz,
        **({"quiz_id": plannable_id(subject)} if quiz else {}),
        "graded_submissions_exist": True,
        "html_url": page,
        "submissions_download_url": f"{page}/submissions?zip=1",
        "locked_for_user": bool(lock),
        **({"lock_info": lock, "lock_explanation": _lock_explanation(lock)} if lock else {}),
    }
    for field in view.excludes & shown.keys():
        del shown[field]
    return shown


def plannable_id(subject: Assignment) -> int:
    """The id of the quiz or topic of an assignment; it can equal the id of another assignment."""
    return subject.id + 1


def serialize_group(subject: Group) -> dict[str, Any]:
    """Serialize an assignment group without its assignments."""
    return {
        "id": subject.id,
        "name": subject.name,
        "position": subject.position,
        "group_weight": subject.weight,
        "sis_source_id": None,
        "integration_data": {},
        "rules": {},
    }


def _secure_params(subject: Assignment) -> str:
    return f"{opaque_id('head', subject.id)}.{opaque_id('claims', subject.id, length=64)}"


def _lock_info(subject: Assignment, now: int) -> dict[str, Any]:
    name = {"asset_string": f"assignment_{subject.id}"}
    if subject.unlock_at is not None and subject.unlock_at > now:
        return name | {"unlock_at": format_time(subject.unlock_at), "can_view": False}
    if subject.lock_at is not None and subject.lock_at < now:
        return name | {"lock_at": format_time(subject.lock_at), "can_view": True}
    return {}


def _lock_explanation(lock: dict[str, Any]) -> str:
    if "unlock_at" in lock:
        return f"This assignment is locked until {lock['unlock_at']}."
    return f"This assignment was locked {lock['lock_at']}."
