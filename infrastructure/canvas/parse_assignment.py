"""Parses assignment groups, assignments and submissions of Canvas to the records of the domain."""

from typing import Any

from domain.canvas import Assignment, Group, Submission
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

MAX_SUBMISSION_TYPES = 50
MAX_WORD_LENGTH = 100


def parse_group(row: Any) -> Group | None:
    """Parse an assignment group; None if it has no id."""
    row = as_object(row)
    id_ = parse_id(row.get("id"))
    if id_ is None:
        return None
    return Group(
        id=id_, name=parse_text(row.get("name")), weight=parse_number(row.get("group_weight"))
    )


def find_group(row: Any, groups: dict[str, Group]) -> Group:
    """Find the group of an assignment by its `assignment_group_id`, if it is not nested in one.

    Returns a group without a name if `groups` does not contain it.
    """
    id_ = parse_id(as_object(row).get("assignment_group_id")) or ""
    return groups.get(id_) or Group(id=id_, name=None, weight=None)


def parse_assignment(row: Any, group: Group, student_id: str | None) -> Assignment | None:
    """Parse an assignment with the submission of this student; None if it has no id."""
    row = as_object(row)
    get = row.get
    canvas_id = parse_id(get("id"))
    if canvas_id is None:
        return None
    return Assignment(
        canvas_id=canvas_id,
        name=parse_text(get("name")),
        group=group,
        due_at=parse_time(get("due_at")),
        unlock_at=parse_time(get("unlock_at")),
        lock_at=parse_time(get("lock_at")),
        points_possible=parse_number(get("points_possible")),
        grading_type=parse_text(get("grading_type"), MAX_WORD_LENGTH),
        submission_types=_parse_words(get("submission_types")),
        html_url=parse_url(get("html_url")),
        submission=_parse_own_submission(get("submission"), student_id),
    )


def _parse_words(value: Any) -> list[str]:
    if not isinstance(value, list):
        return []
    words = [parse_text(word, MAX_WORD_LENGTH) for word in value[:MAX_SUBMISSION_TYPES]]
    return [word for word in words if word is not None]


def _parse_own_submission(value: Any, student_id: str | None) -> Submission | None:
    """Parse the submission of this student; with observed users Canvas sends several in an array.

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
    return parse_submission(value) if isinstance(value, dict) else None


def parse_submission(row: dict[str, Any]) -> Submission:
    """Parse a submission; Canvas leaves out the keys of a hidden grade, so it becomes None."""
    get = row.get
    return Submission(
        state=parse_text(get("workflow_state"), MAX_WORD_LENGTH) or "unsubmitted",
        score=parse_number(get("score")),
        grade=parse_text(get("grade"), MAX_WORD_LENGTH),
        submitted_at=parse_time(get("submitted_at")),
        graded_at=parse_time(get("graded_at")),
        posted_at=parse_time(get("posted_at")),
        excused=get("excused") is True,
        late=get("late") is True,
        missing=get("missing") is True,
        points_deducted=parse_number(get("points_deducted")),
        attempt=parse_count(get("attempt")),
    )
