"""The JSON of assignments and assignment groups."""

from typing import Any

from infrastructure.canvas_sandbox.model import Assignment, DropRules, Group
from infrastructure.canvas_sandbox.sandbox_clock import format_time
from infrastructure.canvas_sandbox.serializers.assignment_lock import lock_fields
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
    "max_name_length": 255,
    "due_date_required": False,
    "require_lockdown_browser": False,
    "restrict_quantitative_data": False,
    "anonymize_students": False,
    "only_visible_to_overrides": False,
    "visible_to_everyone": True,
    "muted": False,
}


def serialize_assignment(subject: Assignment, view: CourseView) -> dict[str, Any]:
    """Serialize an assignment; its description is null while the student may not view it."""
    page = f"{view.page_url}/assignments/{subject.id}"
    locks = lock_fields(subject, view)
    shown = {
        "id": subject.id,
        "description": subject.description if locks.can_view else None,
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
        "workflow_state": "published" if subject.present else "unpublished",
        "published": subject.present,
        "in_closed_grading_period": is_in_closed_period(subject, view),
        "position": subject.position,
        "post_manually": subject.post_manually,
        "omit_from_final_grade": subject.omitted,
        "lti_context_id": opaque_id("lti", subject.id, length=32),
        "secure_params": _secure_params(subject),
        "course_id": view.course.id,
        "name": subject.name,
        "submission_types": subject.submission_types,
        "has_submitted_submissions": True,
        **_quiz_fields(subject),
        "graded_submissions_exist": True,
        "html_url": page,
        "submissions_download_url": f"{page}/submissions?zip=1",
        **_checkpoint_fields(subject, view),
        **_staff_fields(subject, view),
        **locks.fields,
    }
    for field in view.excludes & shown.keys():
        del shown[field]
    return shown


def is_in_closed_period(subject: Assignment, view: CourseView) -> bool:
    """Whether the assignment belongs to a grading period that no longer accepts grades."""
    periods = view.course.periods
    if periods is None:
        return False
    return periods.is_closed(periods.of_due_date(subject.due_at), view.now)


def _quiz_fields(subject: Assignment) -> dict[str, Any]:
    if subject.submission_type != "online_quiz":
        return {"is_quiz_assignment": False}
    return {"is_quiz_assignment": True, "quiz_id": plannable_id(subject)}


def _checkpoint_fields(subject: Assignment, view: CourseView) -> dict[str, Any]:
    if "checkpoints" not in view.includes or not view.checkpoints:
        return {}
    return {
        "has_sub_assignments": bool(subject.parts),
        "checkpoints": [
            {
                "tag": part.tag,
                "name": part.name,
                "points_possible": part.points,
                "due_at": format_time(part.due_at),
                "unlock_at": format_time(part.unlock_at),
                "lock_at": format_time(part.lock_at),
                "only_visible_to_overrides": False,
                "overrides": [],
            }
            for part in subject.parts
        ],
    }


def _staff_fields(subject: Assignment, view: CourseView) -> dict[str, Any]:
    if not view.is_staff:
        return {}
    return {"has_overrides": False, "needs_grading_count": 0, "unpublishable": not subject.present}


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
        "rules": _rule_fields(subject.rules),
    }


def _rule_fields(rules: DropRules) -> dict[str, Any]:
    """The rules of a group; Canvas leaves out those that it does not have."""
    shown: dict[str, Any] = {}
    if rules.lowest:
        shown["drop_lowest"] = rules.lowest
    if rules.highest:
        shown["drop_highest"] = rules.highest
    if rules.never:
        shown["never_drop"] = list(rules.never)
    return shown


def _secure_params(subject: Assignment) -> str:
    return f"{opaque_id('head', subject.id)}.{opaque_id('claims', subject.id, length=64)}"
