"""Assignment groups, assignments and submissions of Canvas, turned into what we store."""

from typing import Any

from domain.canvas import Assignment, Group, Submission
from infrastructure.canvas.json_fields import (
    address,
    count,
    id_of,
    number,
    record,
    records,
    text,
    time,
)

MOST_SUBMISSION_TYPES = 50
LONGEST_WORD = 100


def parse_group(row: Any) -> Group | None:
    """An assignment group; None when it has no id."""
    row = record(row)
    id_ = id_of(row.get("id"))
    if id_ is None:
        return None
    return Group(id=id_, name=text(row.get("name")), weight=number(row.get("group_weight")))


def group_of(row: Any, groups: dict[str, Group]) -> Group:
    """The group an assignment says it belongs to, where it does not come inside of it."""
    id_ = id_of(record(row).get("assignment_group_id")) or ""
    return groups.get(id_) or Group(id=id_, name=None, weight=None)


def parse_assignment(row: Any, group: Group, student: str | None) -> Assignment | None:
    """An assignment with the student's own submission; None when it has no id."""
    row = record(row)
    get = row.get
    canvas_id = id_of(get("id"))
    if canvas_id is None:
        return None
    return Assignment(
        canvas_id=canvas_id,
        name=text(get("name")),
        group=group,
        due_at=time(get("due_at")),
        unlock_at=time(get("unlock_at")),
        lock_at=time(get("lock_at")),
        points_possible=number(get("points_possible")),
        grading_type=text(get("grading_type"), LONGEST_WORD),
        submission_types=_words(get("submission_types")),
        html_url=address(get("html_url")),
        submission=_submission(get("submission"), student),
    )


def _words(value: Any) -> list[str]:
    if not isinstance(value, list):
        return []
    found = [text(word, LONGEST_WORD) for word in value[:MOST_SUBMISSION_TYPES]]
    return [word for word in found if word is not None]


def _submission(value: Any, student: str | None) -> Submission | None:
    """One's own among several; with observed users Canvas sends an array."""
    if isinstance(value, list):
        several = records(value)
        own = (item for item in several if student and id_of(item.get("user_id")) == student)
        value = next(own, several[0] if several and not student else None)
    return parse_submission(value) if isinstance(value, dict) else None


def parse_submission(row: dict[str, Any]) -> Submission:
    """A submission; a hidden grade is an absent key and reads like a null."""
    get = row.get
    return Submission(
        state=text(get("workflow_state"), LONGEST_WORD) or "unsubmitted",
        score=number(get("score")),
        grade=text(get("grade"), LONGEST_WORD),
        submitted_at=time(get("submitted_at")),
        graded_at=time(get("graded_at")),
        posted_at=time(get("posted_at")),
        excused=get("excused") is True,
        late=get("late") is True,
        missing=get("missing") is True,
        points_deducted=number(get("points_deducted")),
        attempt=count(get("attempt")),
    )
