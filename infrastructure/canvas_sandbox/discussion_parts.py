"""Parts of checkpointed discussions: how they are made, and what the whole submission shows.

Source: `Checkpoints::SubmissionAggregatorService` of canvas-lms.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from infrastructure.canvas_sandbox.grade_format import format_grade
from infrastructure.canvas_sandbox.model import Assignment, GradingScheme, Submission
from infrastructure.canvas_sandbox.submission_flags import is_late, is_missing

REPLY_TO_TOPIC = "reply_to_topic"
REPLY_TO_ENTRY = "reply_to_entry"
PART_ID_STEP = 5_000_000
PART_SUBMISSION_ID_STEP = 500_000_000
STATE_PRIORITY = ("graded", "submitted", "unsubmitted", "pending_review")
"""The whole has the last of these states that one of its parts has."""


def with_parts(
    discussion: Assignment, parts: Iterable[tuple[str, float, int | None]]
) -> Assignment:
    """Return the discussion with parts of a tag, points and a due date each.

    The whole has the sum of the points, and no due date of its own.
    """
    whole = replace(discussion, due_at=None, submission_type="discussion_topic")
    whole.parts = tuple(
        replace(
            whole,
            id=discussion.id + number * PART_ID_STEP,
            tag=tag,
            points=points,
            due_at=due_at,
            generated_due_at=due_at,
        )
        for number, (tag, points, due_at) in enumerate(parts, start=1)
    )
    whole.points = sum(part.points or 0.0 for part in whole.parts)
    return whole


def empty_part_submissions(whole: Submission) -> tuple[Submission, ...]:
    """Create the unsubmitted submissions to the parts of a discussion."""
    return tuple(
        Submission(
            id=whole.id + number * PART_SUBMISSION_ID_STEP, user_id=whole.user_id, assignment=part
        )
        for number, part in enumerate(whole.assignment.parts, start=1)
    )


def aggregate_parts(whole: Submission, scheme: GradingScheme | None, now: int) -> None:
    """Set the state, the dates and the grade of a whole submission from its parts."""
    parts = whole.parts
    whole.score = _sum_known(part.score for part in parts)
    whole.entered_score = _sum_known(part.entered_score for part in parts)
    whole.grade = format_grade(whole.assignment, whole.score, scheme)
    whole.entered_grade = format_grade(whole.assignment, whole.entered_score, scheme)
    whole.excused = any(part.excused for part in parts)
    newest = max(
        (part for part in parts if part.graded_at is not None),
        key=lambda part: part.graded_at or 0,
        default=None,
    )
    whole.graded_at = newest.graded_at if newest else None
    whole.grader_id = newest.grader_id if newest else None
    whole.grade_matches = all(part.grade_matches for part in parts)
    whole.posted_at = _latest_if_all([part.posted_at for part in parts])
    whole.late_policy = _late_policy(parts, now)
    whole.state = _whole_state(parts)
    whole.submitted_at = _submitted_at(whole.state, parts)


def _sum_known(numbers: Iterable[float | None]) -> float | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _latest_if_all(times: Sequence[int | None]) -> int | None:
    known = [time for time in times if time is not None]
    return max(known) if known and len(known) == len(times) else None


def _late_policy(parts: Sequence[Submission], now: int) -> str | None:
    if any(is_late(part) for part in parts):
        return "late"
    if any(is_missing(part, now) for part in parts):
        return "missing"
    policies: set[Any] = {part.late_policy for part in parts}
    return next((policy for policy in ("extended", "none") if policy in policies), None)


def _whole_state(parts: Sequence[Submission]) -> str:
    if any(part.needs_grading for part in parts):
        return "pending_review"
    return max((part.state for part in parts), key=STATE_PRIORITY.index)


def _submitted_at(state: str, parts: Sequence[Submission]) -> int | None:
    times = [part.submitted_at for part in parts]
    match state:
        case "unsubmitted":
            return None
        case "pending_review" | "submitted":
            return max((time for time in times if time is not None), default=None)
        case _:
            return _latest_if_all(times)
