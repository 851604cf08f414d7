"""Parses assignment groups, assignments and submissions of Canvas to the records of the domain."""

from typing import Any

from domain.canvas import (
    Assignment,
    AssignmentGroup,
    Group,
    ScoreStatistics,
)
from infrastructure.canvas.json_fields import (
    as_object,
    as_objects,
    parse_count,
    parse_id,
    parse_number,
    parse_text,
    parse_time,
    parse_url,
)
from infrastructure.canvas.parse_lock import parse_lock
from infrastructure.canvas.parse_parts import next_due_at, parse_parts
from infrastructure.canvas.parse_submission import MAX_WORD_LENGTH, parse_submission

MAX_SUBMISSION_TYPES = 50
MAX_NEVER_DROP = 1_000


def parse_group(row: Any) -> AssignmentGroup | None:
    """Parse an assignment group; None if it has no id."""
    row = as_object(row)
    id_ = parse_id(row.get("id"))
    if id_ is None:
        return None
    rules = as_object(row.get("rules"))
    never_drop = rules.get("never_drop")
    kept = never_drop[:MAX_NEVER_DROP] if isinstance(never_drop, list) else []
    return AssignmentGroup(
        id=id_,
        name=parse_text(row.get("name")),
        weight=parse_number(row.get("group_weight")),
        position=parse_count(row.get("position")),
        drop_lowest=parse_count(rules.get("drop_lowest")) or 0,
        drop_highest=parse_count(rules.get("drop_highest")) or 0,
        never_drop=[id_ for value in kept if (id_ := parse_id(value))],
    )


def find_group(row: Any, groups: dict[str, AssignmentGroup]) -> AssignmentGroup:
    """Find the group of an assignment by its `assignment_group_id`, if it is not nested in one.

    Returns a group without a name if `groups` does not contain it.
    """
    id_ = parse_id(as_object(row).get("assignment_group_id")) or ""
    return groups.get(id_) or AssignmentGroup(
        id=id_,
        name=None,
        weight=None,
        position=None,
        drop_lowest=0,
        drop_highest=0,
        never_drop=[],
    )


def parse_assignment(row: Any, group: AssignmentGroup, student_id: str | None) -> Assignment | None:
    """Parse an assignment with the submission of this student; None if it has no id."""
    row = as_object(row)
    get = row.get
    canvas_id = parse_id(get("id"))
    if canvas_id is None:
        return None
    submission_row = _find_own_submission(get("submission"), student_id)
    submission = parse_submission(submission_row) if submission_row else None
    parts = parse_parts(row, submission_row)
    lock = parse_lock(row)
    return Assignment(
        canvas_id=canvas_id,
        name=parse_text(get("name")),
        group=Group(id=group["id"], name=group["name"], weight=group["weight"]),
        position=parse_count(get("position")),
        due_at=next_due_at(parts, submission) or parse_time(get("due_at")),
        unlock_at=parse_time(get("unlock_at")),
        lock_at=parse_time(get("lock_at")),
        locked_for_user=lock.locked,
        locked_by=lock.reason,
        lock_explanation=lock.explanation,
        parts=parts,
        published=get("published") is not False and get("workflow_state") != "unpublished",
        omit_from_final_grade=get("omit_from_final_grade") is True,
        post_manually=_parse_flag(get("post_manually")),
        grading_period_id=parse_id((submission_row or {}).get("grading_period_id"))
        or parse_id(get("grading_period_id")),
        score_statistics=_parse_statistics(get("score_statistics")),
        points_possible=parse_number(get("points_possible")),
        grading_type=parse_text(get("grading_type"), MAX_WORD_LENGTH),
        submission_types=_parse_words(get("submission_types")),
        html_url=parse_url(get("html_url")),
        submission=submission,
    )


def _parse_flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _parse_words(value: Any) -> list[str]:
    if not isinstance(value, list):
        return []
    words = [parse_text(word, MAX_WORD_LENGTH) for word in value[:MAX_SUBMISSION_TYPES]]
    return [word for word in words if word is not None]


def _parse_statistics(value: Any) -> ScoreStatistics | None:
    if not isinstance(value, dict):
        return None
    return ScoreStatistics(
        min=parse_number(value.get("min")),
        max=parse_number(value.get("max")),
        mean=parse_number(value.get("mean")),
    )


def _find_own_submission(value: Any, student_id: str | None) -> dict[str, Any] | None:
    """Find the submission of this student; with observed users Canvas sends several in an array.

    If the student id is not known, the first one is used.
    """
    if isinstance(value, list):
        candidates = as_objects(value)
        own_candidates = (
            item
            for item in candidates
            if student_id and parse_id(item.get("user_id")) == student_id
        )
        value = next(own_candidates, candidates[0] if candidates and not student_id else None)
    return value if isinstance(value, dict) else None
