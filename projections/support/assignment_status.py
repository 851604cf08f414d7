"""The rules for the status of an assignment: `graded`, `submitted`, `overdue` and so on.

A status can change without an event, at the due date. So a projector stores in the column
`settled` only a status that does not depend on the clock (`settled_status`), and a query computes
the rest (`STATUS_SQL`). The read models `assignments` and `dashboard_stats` use the same rules.
"""

from psycopg import sql

from domain.canvas import Assignment, Submission, assignment_score

STATUS_SQL = sql.SQL(
    "coalesce(settled, CASE WHEN due_at IS NULL THEN 'undated'"
    " WHEN due_at <= %(now)s THEN 'overdue' ELSE 'upcoming' END)"
)
"""The status at the time `now` of a row that has the columns `settled` and `due_at`."""

LOCKED_SQL = sql.SQL("coalesce(unlock_at > %(now)s, FALSE) OR coalesce(lock_at < %(now)s, FALSE)")
"""Whether the assignment of a row is locked at the time `now`.

It is locked before `unlock_at` and after `lock_at`: Canvas then takes no submission.
"""

SUBMITTED_STATES = frozenset({"submitted", "pending_review"})
"""Values of Canvas's `workflow_state` of a submission that waits for a grade or for a review."""
TYPES_WITHOUT_SUBMISSION = frozenset({"none", "not_graded", "on_paper"})
"""Values of Canvas's `submission_types` with which nothing is submitted online."""


def settled_status(assignment: Assignment) -> str | None:
    """Return a status that does not depend on the clock, or None if the due date decides.

    A grade that is not posted does not count, because the student cannot see it.
    """
    submission = assignment["submission"]
    if submission is None:
        return None
    if submission["excused"]:
        return "excused"
    if assignment_score(assignment):
        return "graded"
    if is_submitted(submission):
        return "submitted"
    return "missing" if submission["missing"] else None


def is_submitted(submission: Submission) -> bool:
    """Whether the student has submitted something, by Canvas's time or state of the submission."""
    return submission["submitted_at"] is not None or submission["state"] in SUBMITTED_STATES


def expects_submission(assignment: Assignment) -> bool:
    """Whether at least one type of the assignment is submitted online."""
    return not TYPES_WITHOUT_SUBMISSION.issuperset(assignment["submission_types"])
