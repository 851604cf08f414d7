"""An assignment as the list of assignments shows it, and what decides its status."""

from uuid import UUID

from psycopg import sql

from domain.canvas import Assignment, Submission, assignment_score
from projections.support.json_documents import add_members, encode

STATUS_SQL = sql.SQL(
    "coalesce(settled, CASE WHEN due_at IS NULL THEN 'undated'"
    " WHEN due_at <= %(now)s THEN 'overdue' ELSE 'upcoming' END)"
)
"""The status of a row with `settled` and `due_at`, by the clock in `now`."""

LOCKED_SQL = sql.SQL("coalesce(unlock_at > %(now)s, FALSE) OR coalesce(lock_at < %(now)s, FALSE)")
"""Whether a row with `unlock_at` and `lock_at` is closed for handing in, by the clock in `now`."""

SUBMITTED_STATES = frozenset({"submitted", "pending_review"})
TYPES_WITHOUT_SUBMISSION = frozenset({"none", "not_graded", "on_paper"})


def encode_assignment(
    assignment: Assignment, *, id_: UUID, connection_id: UUID, course_id: UUID, updated_at: str
) -> bytes:
    """The document without `status` and `locked`, which follow the clock."""
    return encode(
        {
            "id": id_,
            "connection_id": connection_id,
            "course_id": course_id,
            **assignment,
            "updated_at": updated_at,
        }
    )


def with_status(document: bytes, status: str, locked: bool) -> bytes:  # noqa: FBT001  # a column
    """The document with what followed the clock when it was asked for."""
    return add_members(
        document, b'"status":"%b","locked":%b' % (status.encode(), b"true" if locked else b"false")
    )


def settled_status(assignment: Assignment) -> str | None:
    """The status whatever the clock says, or None where the due date decides."""
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
    """Whether the student has handed something in."""
    return submission["submitted_at"] is not None or submission["state"] in SUBMITTED_STATES


def expects_submission(assignment: Assignment) -> bool:
    """Whether something is to be handed in online; paper and `none` never are."""
    return not TYPES_WITHOUT_SUBMISSION.issuperset(assignment["submission_types"])
