"""A student's own submission, with what ticks and what is not posted yet."""

from typing import Any

from infrastructure.canvas_sandbox.body_template import tick
from infrastructure.canvas_sandbox.model import Submission
from infrastructure.canvas_sandbox.sandbox_clock import iso
from infrastructure.canvas_sandbox.serializers.person import opaque
from infrastructure.canvas_sandbox.serializers.view import View

UNSEEN_UNTIL_POSTED = frozenset({"grade", "score", "entered_grade", "entered_score"})
ALWAYS: dict[str, Any] = {
    "body": None,
    "url": None,
    "grading_period_id": None,
    "extra_attempts": None,
    "redo_request": False,
    "custom_grade_status_id": None,
    "sticker": None,
}
NOT_HANDED_IN = frozenset({"on_paper", "none", "not_graded"})


def is_missing(submission: Submission, now: int) -> bool:
    """Canvas's own word for it."""
    if submission.excused:
        return False
    if submission.late_policy == "missing":
        return True
    assignment = submission.assignment
    past = assignment.due_at is not None and assignment.due_at < now
    open_ = submission.state == "unsubmitted" and submission.submitted_at is None
    return past and open_ and assignment.submission_type not in NOT_HANDED_IN


def is_late(submission: Submission) -> bool:
    """Handed in after the due date; a quiz has 60 seconds of grace."""
    assignment = submission.assignment
    if submission.excused or submission.submitted_at is None or assignment.due_at is None:
        return False
    grace = 60 if assignment.submission_type == "online_quiz" else 0
    return submission.submitted_at > assignment.due_at + grace


def seconds_late(submission: Submission) -> object:
    """How late it is; ticks for everything past due that was never handed in."""
    due = submission.assignment.due_at
    if submission.excused or due is None:
        return 0
    if submission.submitted_at is None:
        return tick("late", due)
    return max(submission.submitted_at - due, 0)


def submission(work: Submission, view: View) -> dict[str, Any]:
    """One submission; a hidden grade is not null but absent."""
    assignment = work.assignment
    address = f"{view.page}/assignments/{assignment.id}/submissions"
    shown: dict[str, Any] = {
        "id": work.id,
        "grade": work.grade,
        "score": work.score,
        "submitted_at": iso(work.submitted_at),
        "assignment_id": assignment.id,
        "user_id": work.user_id,
        "submission_type": assignment.submission_type if work.submitted_at else None,
        "workflow_state": work.state,
        "grade_matches_current_submission": work.matches,
        "graded_at": iso(work.graded_at),
        "grader_id": work.grader_id,
        "attempt": work.attempt,
        "cached_due_date": iso(assignment.due_at),
        "excused": work.excused,
        "late_policy_status": work.late_policy,
        "points_deducted": work.points_deducted,
        "posted_at": iso(work.posted_at),
        **ALWAYS,
        "late": is_late(work),
        "missing": is_missing(work, view.now),
        "seconds_late": seconds_late(work),
        "entered_grade": work.entered_grade,
        "entered_score": work.entered_score,
        "preview_url": f"{address}/{work.user_id}?preview=1&version={work.attempt or 0}",
        "anonymous_id": opaque("anonymous", work.user_id, length=5),
    }
    unseen = view.excludes | UNSEEN_UNTIL_POSTED if work.hidden else view.excludes
    for field in unseen & shown.keys():
        del shown[field]
    return shown
