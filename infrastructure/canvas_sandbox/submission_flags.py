"""The flags of a submission that depend on due dates: late, missing, and by how many seconds.

Source: `Submission::Tardiness` of canvas-lms.
"""

from infrastructure.canvas_sandbox.model import Submission

QUIZ_GRACE_SECONDS = 60


def is_missing(submission: Submission, now: int) -> bool:
    """Whether Canvas marks a submission as missing."""
    if submission.excused:
        return False
    if submission.late_policy is not None:
        return submission.late_policy == "missing"
    if submission.grader_id is not None:
        return False
    assignment = submission.assignment
    is_past_due = assignment.due_at is not None and assignment.due_at + _grace(submission) < now
    is_open = submission.state == "unsubmitted" and submission.submitted_at is None
    types = assignment.submission_types
    return is_past_due and is_open and assignment.expects_submission and types != ["external_tool"]


def is_late(submission: Submission) -> bool:
    """Whether the student submitted after the due date, or a teacher marked it as late."""
    due_at = submission.assignment.due_at
    if submission.excused:
        return False
    if submission.late_policy is not None:
        return submission.late_policy == "late"
    if submission.submitted_at is None or due_at is None:
        return False
    return submission.submitted_at > due_at + _grace(submission)


def _grace(submission: Submission) -> int:
    return QUIZ_GRACE_SECONDS if submission.assignment.submission_type == "online_quiz" else 0
