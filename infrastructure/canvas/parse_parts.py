"""Parses the parts of an assignment: the checkpoints of a discussion, each with its own date."""

from typing import Any

from domain.canvas import Part, Submission
from infrastructure.canvas.json_fields import as_objects, parse_number, parse_text, parse_time
from infrastructure.canvas.parse_submission import MAX_WORD_LENGTH, parse_submission

MAX_PARTS = 20
DONE_STATES = frozenset({"submitted", "graded"})


def parse_parts(row: dict[str, Any], submission_row: dict[str, Any] | None) -> list[Part]:
    """Parse the `checkpoints` of an assignment with the student's submissions, by due date.

    Parts without a date come last. The list is empty for an assignment without parts.
    """
    if "checkpoints" not in row:
        return []
    submissions = {
        parse_text(item.get("sub_assignment_tag")): item
        for item in as_objects((submission_row or {}).get("sub_assignment_submissions"))
    }
    found = [
        _parse_part(item, tag, submissions.get(tag))
        for item in as_objects(row["checkpoints"])[:MAX_PARTS]
        if (tag := parse_text(item.get("tag"), MAX_WORD_LENGTH))
    ]
    return sorted(found, key=lambda part: (part["due_at"] is None, part["due_at"] or ""))


def next_due_at(parts: list[Part], submission: Submission | None) -> str | None:
    """Return when the next part that is not done is due; of the last part if all are done.

    Parts without a date come after those that have one.

    All parts are done if the whole assignment is: Canvas counts it as submitted when every part is.
    While a part waits for a grade, the whole is `pending_review`; that part is then the first one
    without a grade that is not missing.
    """
    dated = [part for part in parts if part["due_at"]]
    if not dated:
        return None
    whole_done = _is_done(submission)
    pending = [part for part in parts if not (whole_done or _is_done(part["submission"]))]
    if submission and submission["state"] == "pending_review":
        waiting = next((part for part in pending if not _is_missing(part["submission"])), None)
        pending = [part for part in pending if part is not waiting]
    return pending[0]["due_at"] if pending else dated[-1]["due_at"]


def _is_done(submission: Submission | None) -> bool:
    return submission is not None and (submission["excused"] or submission["state"] in DONE_STATES)


def _is_missing(submission: Submission | None) -> bool:
    return submission is not None and submission["missing"]


def _parse_part(item: dict[str, Any], tag: str, submission_row: dict[str, Any] | None) -> Part:
    return Part(
        tag=tag,
        name=parse_text(item.get("name")),
        due_at=parse_time(item.get("due_at")),
        unlock_at=parse_time(item.get("unlock_at")),
        lock_at=parse_time(item.get("lock_at")),
        points_possible=parse_number(item.get("points_possible")),
        submission=_parse_part_submission(submission_row) if submission_row else None,
    )


def _parse_part_submission(row: dict[str, Any]) -> Submission:
    """Parse the submission to a part.

    Canvas sends no state for it: a grade means `graded`, a time `submitted`.
    """
    submission = parse_submission(row)
    if "workflow_state" in row:
        return submission
    if submission["score"] is not None or submission["grade"] is not None:
        submission["state"] = "graded"
    elif submission["submitted_at"]:
        submission["state"] = "submitted"
    return submission
