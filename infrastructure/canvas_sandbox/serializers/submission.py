"""The JSON of a student's own submission; it leaves out grades that are not posted."""

from typing import Any

from infrastructure.canvas_sandbox.body_template import placeholder
from infrastructure.canvas_sandbox.model import Submission
from infrastructure.canvas_sandbox.sandbox_clock import format_time
from infrastructure.canvas_sandbox.serializers.person import opaque_id
from infrastructure.canvas_sandbox.serializers.view import CourseView

HIDDEN_UNTIL_POSTED = frozenset({"grade", "score", "entered_grade", "entered_score"})
SUBMISSION_CONSTANTS: dict[str, Any] = {
    "body": None,
    "url": None,
    "grading_period_id": None,
    "extra_attempts": None,
    "redo_request": False,
    "custom_grade_status_id": None,
    "sticker": None,
}
TYPES_NOT_SUBMITTED_ONLINE = frozenset({"on_paper", "none", "not_graded"})


def is_missing(submission: Submission, now: int) -> bool:
    """Whether Canvas marks a submission as missing."""
    if submission.excused:
        return False
    if submission.late_policy == "missing":
        return True
    assignment = submission.assignment
    is_past_due = assignment.due_at is not None and assignment.due_at < now
    is_open = submission.state == "unsubmitted" and submission.submitted_at is None
    return is_past_due and is_open and assignment.submission_type not in TYPES_NOT_SUBMITTED_ONLINE


def is_late(submission: Submission) -> bool:
    """Whether the student submitted after the due date; a quiz has 60 seconds of grace."""
    assignment = submission.assignment
    if submission.excused or submission.submitted_at is None or assignment.due_at is None:
        return False
    grace_seconds = 60 if assignment.submission_type == "online_quiz" else 0
    return submission.submitted_at > assignment.due_at + grace_seconds


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
    assignment = work.assignment
    address = f"{view.page_url}/assignments/{assignment.id}/submissions"
    shown: dict[str, Any] = {
        "id": work.id,
        "grade": work.grade,
        "score": work.score,
        "submitted_at": format_time(work.submitted_at),
        "assignment_id": assignment.id,
        "user_id": work.user_id,
        "submission_type": assignment.submission_type if work.submitted_at else None,
        "workflow_state": work.state,
        "grade_matches_current_submission": work.grade_matches,
        "graded_at": format_time(work.graded_at),
        "grader_id": work.grader_id,
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
    return shown
