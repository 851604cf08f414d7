"""The JSON of a student's own submission; it leaves out grades that are not posted."""

from typing import Any

from infrastructure.canvas_sandbox.body_template import placeholder
from infrastructure.canvas_sandbox.grade_calculation import period_of
from infrastructure.canvas_sandbox.model import TYPES_NOT_HANDED_IN_ONLINE, Submission
from infrastructure.canvas_sandbox.sandbox_clock import format_time
from infrastructure.canvas_sandbox.serializers.person import opaque_id
from infrastructure.canvas_sandbox.serializers.view import CourseView
from infrastructure.canvas_sandbox.submission_flags import is_late, is_missing

HIDDEN_UNTIL_POSTED = frozenset({"grade", "score", "entered_grade", "entered_score"})
SUBMISSION_CONSTANTS: dict[str, Any] = {
    "body": None,
    "url": None,
    "extra_attempts": None,
    "redo_request": False,
    "custom_grade_status_id": None,
    "sticker": None,
}
PART_FIELDS = (
    "seconds_late",
    "custom_grade_status_id",
    "late_policy_status",
    "late",
    "missing",
    "excused",
    "entered_grade",
    "entered_score",
    "grade",
    "score",
    "user_id",
    "grade_matches_current_submission",
)
"""What Canvas shows of the submission to a part of a discussion."""


def seconds_late(submission: Submission) -> object:
    """The value of `seconds_late`; it grows with the clock if the student has not submitted."""
    due = submission.assignment.due_at
    if submission.excused or due is None:
        return 0
    if submission.submitted_at is None:
        return placeholder("late", due)
    return max(submission.submitted_at - due, 0)


def serialize_submission(work: Submission, view: CourseView) -> dict[str, Any]:
    """Serialize a submission; the keys of a hidden grade are absent, not null."""
    assignment, period = work.assignment, period_of(view.course, work)
    address = f"{view.page_url}/assignments/{assignment.id}/submissions"
    shown: dict[str, Any] = {
        "id": work.id,
        "grade": work.grade,
        "score": work.score,
        "submitted_at": format_time(work.submitted_at),
        "assignment_id": assignment.id,
        "user_id": work.user_id,
        "submission_type": _submission_type(work),
        "workflow_state": work.state,
        "grade_matches_current_submission": work.grade_matches,
        "graded_at": format_time(work.graded_at),
        "grader_id": work.grader_id,
        "grading_period_id": period.id if period else None,
        "attempt": work.attempt,
        "cached_due_date": format_time(assignment.due_at),
        "excused": work.excused,
        "late_policy_status": work.late_policy,
        "points_deducted": work.points_deducted,
        "posted_at": format_time(work.posted_at),
        **SUBMISSION_CONSTANTS,
        "late": is_late(work),
        "missing": is_missing(work, view.now),
        "seconds_late": seconds_late(work),
        "entered_grade": work.entered_grade,
        "entered_score": work.entered_score,
        "preview_url": f"{address}/{work.user_id}?preview=1&version={work.attempt or 0}",
        "anonymous_id": opaque_id("anonymous", work.user_id, length=5),
    }
    hidden_fields = view.excludes | HIDDEN_UNTIL_POSTED if work.hidden else view.excludes
    for field in hidden_fields & shown.keys():
        del shown[field]
    if "sub_assignment_submissions" in view.includes:
        shown["has_sub_assignment_submissions"] = bool(work.parts)
        shown["sub_assignment_submissions"] = [_serialize_part(part, view) for part in work.parts]
    return shown


def _submission_type(work: Submission) -> str | None:
    if work.submitted_at is None:
        return None
    types = work.assignment.submission_types
    return next((type_ for type_ in types if type_ not in TYPES_NOT_HANDED_IN_ONLINE), types[0])


def _serialize_part(part: Submission, view: CourseView) -> dict[str, Any]:
    """Serialize the submission to a part; Canvas shows the published grade even if it is hidden."""
    shown = serialize_submission(part, view._replace(includes=frozenset()))
    return {name: shown[name] for name in PART_FIELDS if name in shown} | {
        "sub_assignment_tag": part.assignment.tag,
        "published_grade": part.grade,
        "published_score": part.score,
    }
