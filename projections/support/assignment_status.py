"""The rules for the status of an assignment: `graded`, `submitted`, `overdue` and so on.

A status can change without an event, at the due date. So a projector stores the status that does
not depend on the clock, if there is one (`settled`), and the status after the due date
(`once_due`). A query computes the status at a time, with `STATUS_SQL` or, for parts, `status_at`.
"""

from datetime import datetime
from typing import NamedTuple

from psycopg import sql

from domain.canvas import Assignment, Submission, visible_score

STATUS_SQL = sql.SQL(
    "coalesce(settled, CASE WHEN due_at IS NULL THEN 'undated'"
    " WHEN due_at <= %(now)s THEN once_due ELSE 'upcoming' END)"
)
"""The status at the time `now` of a row that has the columns of `CLOCK_COLUMNS`."""

DONE_STATUSES = frozenset({"excused", "graded", "submitted"})
"""The statuses of an assignment, or of a part, that is done."""
SUBMITTED_STATES = frozenset({"submitted", "pending_review"})
"""Values of Canvas's `workflow_state` of a submission that waits for a grade or for a review."""
STATES_OF_ALL_PARTS = frozenset({"submitted", "graded"})
"""Values of Canvas's `workflow_state` of a whole submission of which every part is submitted.

While one part needs a grade, Canvas shows `pending_review`, whether the others are submitted or not
(app/services/checkpoints/submission_aggregator_service.rb, lib/api/v1/submission.rb).
"""
TYPES_WITHOUT_SUBMISSION = frozenset({"none", "not_graded", "on_paper", "wiki_page"})
"""Values of Canvas's `submission_types` with which nothing is submitted online."""


class StatusRule(NamedTuple):
    """What decides a status: `settled`, or without it the due date."""

    settled: str | None
    """A status that does not depend on the clock."""
    once_due: str
    """The status after the due date: `overdue`, `past` or `submitted`."""


def status_at(rule: StatusRule, due_at: datetime | None, now: datetime) -> str:
    """Return a status at the time `now`, as `STATUS_SQL` does."""
    if rule.settled:
        return rule.settled
    if due_at is None:
        return "undated"
    return rule.once_due if due_at <= now else "upcoming"


def status_rule(assignment: Assignment) -> StatusRule:
    """Return what decides the status of an assignment.

    With parts it is done when all parts are, or when it is excused.
    """
    settled = _settled_status(assignment["submission"], gradable=is_gradable(assignment))
    if assignment["parts"] and settled != "excused":
        settled = _settled_with_parts(assignment, settled)
    return StatusRule(settled, _status_once_due(assignment))


def part_rules(assignment: Assignment) -> list[StatusRule]:
    """Return what decides the status of each part, in the order of the parts.

    A part is done if its own submission shows it, or if the whole assignment is done.
    """
    gradable, once_due = is_gradable(assignment), _status_once_due(assignment)
    settled = [
        _settled_status(part["submission"], gradable=gradable) for part in assignment["parts"]
    ]
    if _covers_parts(assignment):
        whole = _settled_status(assignment["submission"], gradable=gradable)
        status = whole if whole in DONE_STATUSES else "submitted"
        settled = [own if own in DONE_STATUSES else status for own in settled]
    return [StatusRule(own, once_due) for own in settled]


def has_final_grade(assignment: Assignment) -> bool:
    """Return whether the student can see a grade of the assignment that is final."""
    submission = assignment["submission"]
    return submission is not None and is_gradable(assignment) and _is_graded(submission)


def is_gradable(assignment: Assignment) -> bool:
    """Return whether an assignment can have a grade: a reminder (`not_graded`) has none."""
    return assignment["grading_type"] != "not_graded" and assignment["submission_types"] != [
        "not_graded"
    ]


def is_submitted(submission: Submission) -> bool:
    """Whether the student has submitted something, by Canvas's time or state of the submission."""
    return submission["submitted_at"] is not None or submission["state"] in SUBMITTED_STATES


def expects_submission(assignment: Assignment) -> bool:
    """Whether at least one type of the assignment is submitted online."""
    return not TYPES_WITHOUT_SUBMISSION.issuperset(assignment["submission_types"])


def is_flagged(assignment: Assignment, flag: str) -> bool:
    """Return whether Canvas marks an assignment, or one of its parts, as `late` or `missing`."""
    submissions = (assignment["submission"], *(part["submission"] for part in assignment["parts"]))
    return any(submission is not None and submission.get(flag) for submission in submissions)


def _settled_status(submission: Submission | None, *, gradable: bool) -> str | None:
    """Return a status that does not depend on the clock, or None if the due date decides.

    A grade that is not posted does not count, because the student cannot see it.
    """
    if submission is None:
        return None
    if submission["excused"]:
        return "excused"
    if gradable and _is_graded(submission):
        return "graded"
    if is_submitted(submission):
        return "submitted"
    return "missing" if submission["missing"] else None


def _is_graded(submission: Submission) -> bool:
    """Whether a posted grade is final; of a part, Canvas does not show when it was graded."""
    is_unposted = submission["graded_at"] is not None and submission["posted_at"] is None
    return (
        visible_score(submission["score"], submission["grade"]) is not None
        and submission["state"] != "pending_review"
        and not is_unposted
    )


def _settled_with_parts(assignment: Assignment, whole: str | None) -> str | None:
    if all(rule.settled in DONE_STATUSES for rule in part_rules(assignment)):
        return whole if whole in DONE_STATUSES else "submitted"
    return "missing" if is_flagged(assignment, "missing") else None


def _covers_parts(assignment: Assignment) -> bool:
    """Return whether the submission to the whole assignment shows that every part is done."""
    submission = assignment["submission"]
    if submission is None:
        return False
    if submission["excused"] or submission["state"] in STATES_OF_ALL_PARTS:
        return True
    shows_no_part = all(part["submission"] is None for part in assignment["parts"])
    return shows_no_part and is_submitted(submission)


def _status_once_due(assignment: Assignment) -> str:
    """Return the status after the due date of what is not settled.

    Canvas marks a part that was not submitted as missing, so one that is due and not marked waits
    for a grade, if the whole submission does.
    """
    submission = assignment["submission"]
    if assignment["parts"] and submission and submission["state"] == "pending_review":
        return "submitted"
    return "overdue" if expects_submission(assignment) else "past"
