"""Parses a submission of Canvas to the record of the domain."""

from typing import Any

from domain.canvas import Submission
from infrastructure.canvas.json_fields import parse_count, parse_number, parse_text, parse_time

MAX_WORD_LENGTH = 100


def parse_submission(row: dict[str, Any]) -> Submission:
    """Parse a submission; Canvas leaves out the keys of a hidden grade, so it becomes None."""
    get = row.get
    current = get("grade_matches_current_submission")
    return Submission(
        state=parse_text(get("workflow_state"), MAX_WORD_LENGTH) or "unsubmitted",
        score=parse_number(get("score")),
        grade=_parse_grade(get("grade")),
        submitted_at=parse_time(get("submitted_at")),
        graded_at=parse_time(get("graded_at")),
        posted_at=parse_time(get("posted_at")),
        excused=get("excused") is True,
        late=get("late") is True,
        missing=get("missing") is True,
        points_deducted=parse_number(get("points_deducted")),
        attempt=parse_count(get("attempt")),
        entered_score=parse_number(get("entered_score")),
        entered_grade=_parse_grade(get("entered_grade")),
        late_policy_status=parse_text(get("late_policy_status"), MAX_WORD_LENGTH),
        grade_is_current=current if isinstance(current, bool) else None,
        submission_type=parse_text(get("submission_type"), MAX_WORD_LENGTH),
    )


def _parse_grade(value: Any) -> str | None:
    """Parse a grade, which is text; a number is a grade in points, a blank text is none."""
    if isinstance(value, str):
        return parse_text(value, MAX_WORD_LENGTH) if value.strip() else None
    number = parse_number(value)
    return None if number is None else f"{number:.15g}"
