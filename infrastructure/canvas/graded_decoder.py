"""Decodes a page of graded submissions with types, if it has the form that Canvas usually sends.

This is the short way to what `parse_graded_submission` makes of the same page, and fails for
everything else: a page with a value that it would change is left to it.
"""

import msgspec

from domain.change_feed import FeedEntry, graded_state_hash
from infrastructure.canvas.group_decoder import checked_texts
from infrastructure.canvas.typed_checks import has_usual_grades
from infrastructure.canvas.typed_records import submission_record
from infrastructure.canvas.typed_rows import GradedRow, decode_graded_rows


def decode_graded_submissions(body: bytes) -> list[GradedRow] | None:
    """Decode a page; None if it is not a list of graded submissions of the usual form."""
    try:
        has_plain_texts = checked_texts(body)
        rows = decode_graded_rows(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return rows if has_usual_grades(rows, has_plain_texts=has_plain_texts) else None


def graded_entry(row: GradedRow) -> FeedEntry | None:
    """Return the entry of a submission; None if it is not graded, or has no course id."""
    assignment = row.assignment
    course_id = assignment.course_id if assignment else None
    assignment_id = row.assignment_id or (assignment.id if assignment else None)
    state_hash = graded_state_hash(submission_record(row))
    if course_id is None or assignment_id is None or state_hash is None:
        return None
    return FeedEntry("graded", course_id, assignment_id, state_hash, row.graded_at)
