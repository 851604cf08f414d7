"""Checks that no value of typed rows would be changed by the parsers of single values."""

import re
from collections.abc import Iterator
from itertools import chain

from msgspec import UNSET

from infrastructure.canvas.json_fields import ID_PATTERN, is_safe_text
from infrastructure.canvas.typed_rows import AssignmentRow, GradedRow, GroupRow

_match_ids = re.compile(rf"(?:{ID_PATTERN}\n)*").fullmatch
_match_times = re.compile(
    r"(?:(?!0000)[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z\n)*"
).fullmatch
"""All days but February 29, with which only a calendar is certain."""


def has_usual_values(groups: list[GroupRow], *, has_plain_texts: bool) -> bool:
    """Return whether ids, times and texts can be recorded unchanged, and no part is missing.

    With `has_plain_texts` the texts are not checked: they are printable ASCII.
    """
    rows = list(chain.from_iterable(group.assignments for group in groups))
    return (
        _has_usual_ids(groups, rows)
        and _has_usual_times(rows)
        and not _may_have_parts(rows)
        and (has_plain_texts or is_safe_text("".join(_texts(groups, rows))))
    )


def has_usual_grades(rows: list[GradedRow], *, has_plain_texts: bool) -> bool:
    """Return whether the values of graded submissions that are compared need no change."""
    ids, times, texts = list[str | None](), list[str | None](), list[str | None]()
    for row in rows:
        ids.append(row.assignment_id)
        times += row.submitted_at, row.graded_at, row.posted_at
        texts += row.workflow_state, row.grade
        if row.assignment:
            ids += row.assignment.id, row.assignment.course_id
    has_usual_texts = has_plain_texts or is_safe_text("".join(filter(None, texts)))
    return bool(has_usual_texts and _match_ids(_lines(ids)) and _match_times(_lines(times)))


def mentions_parts(group: GroupRow) -> bool:
    """Return whether Canvas says of an assignment whether it has parts."""
    return any(map(_mentions_parts, group.assignments))


def _mentions_parts(row: AssignmentRow) -> bool:
    return row.has_sub_assignments is not UNSET or row.checkpoints is not UNSET


def _may_have_parts(rows: list[AssignmentRow]) -> bool:
    """Return whether an assignment has parts, or is one of which Canvas leaves them out."""
    if any(row.has_sub_assignments is True for row in rows):
        return True
    return any(map(_is_undated_discussion, rows)) and not any(map(_mentions_parts, rows))


def _is_undated_discussion(row: AssignmentRow) -> bool:
    types = row.submission_types or ()
    return row.due_at is None and "discussion_topic" in types and bool(row.points_possible)


def _has_usual_ids(groups: list[GroupRow], rows: list[AssignmentRow]) -> bool:
    ids: list[str | None] = [group.id for group in groups]
    for row in rows:
        ids += row.id, row.grading_period_id
        if row.submission:
            ids.append(row.submission.grading_period_id)
    return bool(_match_ids(_lines(ids)))


def _has_usual_times(rows: list[AssignmentRow]) -> bool:
    times: list[str | None] = []
    for row in rows:
        times += row.due_at, row.unlock_at, row.lock_at
        if submission := row.submission:
            times += submission.submitted_at, submission.graded_at, submission.posted_at
    return bool(_match_times(_lines(times)))


def _lines(values: list[str | None]) -> str:
    """Join the values, each with a line break; one with a line break in it makes an empty line."""
    shown = [value for value in values if value is not None]
    text = "\n".join([*shown, ""])
    return text if text.count("\n") == len(shown) else "\n"


def _texts(groups: list[GroupRow], rows: list[AssignmentRow]) -> Iterator[str]:
    """Return every text that is recorded as it is."""
    texts: list[str | None] = [group.name for group in groups]
    for row in rows:
        texts += row.name, row.html_url, row.grading_type
        texts += row.submission_types or ()
        if submission := row.submission:
            texts += submission.workflow_state, submission.grade, submission.entered_grade
            texts += submission.late_policy_status, submission.submission_type
    return filter(None, texts)
