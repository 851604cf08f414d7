"""Makes the records of the domain of typed rows, whose values need no change.

They equal what `parse_group` and `parse_assignment` return for the same response; the keys are in
the same order, which digests depend on.
"""

from collections.abc import Iterator
from typing import Any

from domain.canvas import Assignment, AssignmentGroup, Group, ScoreStatistics, Submission
from infrastructure.canvas.json_fields import parse_id
from infrastructure.canvas.parse_lock import Lock, parse_lock
from infrastructure.canvas.typed_rows import (
    AssignmentRow,
    GroupRow,
    LockRow,
    RulesRow,
    StatisticsRow,
    SubmissionRow,
)

NO_RULES = RulesRow()
NO_INFO = LockRow()
NOT_LOCKED = {False: Lock(False), None: Lock(None)}


def group_record(row: GroupRow) -> AssignmentGroup:
    """Return the record of a group."""
    rules = row.rules or NO_RULES
    return {
        "id": row.id,
        "name": row.name,
        "weight": row.group_weight,
        "position": row.position,
        "drop_lowest": rules.drop_lowest or 0,
        "drop_highest": rules.drop_highest or 0,
        "never_drop": [id_ for value in rules.never_drop or () if (id_ := parse_id(value))],
    }


def assignment_records(row: GroupRow) -> Iterator[Assignment]:
    """Yield the records of the assignments of a group."""
    for assignment in row.assignments:
        yield _assignment(assignment, {"id": row.id, "name": row.name, "weight": row.group_weight})


def _assignment(row: AssignmentRow, group: Group) -> Assignment:
    submission, statistics, url = row.submission, row.score_statistics, row.html_url
    lock = _lock(row) if row.locked_for_user else NOT_LOCKED[row.locked_for_user]
    period_id = submission.grading_period_id if submission else None
    return {
        "canvas_id": row.id,
        "name": row.name,
        "group": group,
        "position": row.position,
        "due_at": row.due_at,
        "unlock_at": row.unlock_at,
        "lock_at": row.lock_at,
        "locked_for_user": lock.locked,
        "locked_by": lock.reason,
        "lock_explanation": lock.explanation,
        "parts": [],
        "published": row.published is not False and row.workflow_state != "unpublished",
        "omit_from_final_grade": row.omit_from_final_grade is True,
        "post_manually": row.post_manually,
        "grading_period_id": period_id or row.grading_period_id,
        "score_statistics": _statistics(statistics) if statistics else None,
        "points_possible": row.points_possible,
        "grading_type": row.grading_type,
        "submission_types": row.submission_types or [],
        "html_url": url if url and url.startswith(("https://", "http://")) else None,
        "submission": submission_record(submission) if submission else None,
    }


def _lock(row: AssignmentRow) -> Lock:
    info = row.lock_info or NO_INFO
    reason: dict[str, Any] = {
        "context_module": None if info.context_module is None else {},
        "unlock_at": info.unlock_at,
        "lock_at": info.lock_at,
    }
    explanation = row.lock_explanation
    return parse_lock(
        {"locked_for_user": True, "lock_info": reason, "lock_explanation": explanation}
    )


def _statistics(row: StatisticsRow) -> ScoreStatistics:
    return {"min": row.min, "max": row.max, "mean": row.mean}


def submission_record(row: SubmissionRow) -> Submission:
    """Return the record of a submission."""
    return {
        "state": row.workflow_state,
        "score": row.score,
        "grade": _grade(row.grade),
        "submitted_at": row.submitted_at,
        "graded_at": row.graded_at,
        "posted_at": row.posted_at,
        "excused": row.excused is True,
        "late": row.late is True,
        "missing": row.missing is True,
        "points_deducted": row.points_deducted,
        "attempt": row.attempt,
        "entered_score": row.entered_score,
        "entered_grade": _grade(row.entered_grade),
        "late_policy_status": row.late_policy_status,
        "grade_is_current": row.grade_matches_current_submission,
        "submission_type": row.submission_type,
    }


def _grade(text: str | None) -> str | None:
    return text if text and not text.isspace() else None
