"""The JSON of an assignment, as the read models `assignments` and `dashboard_stats` store it."""

from uuid import UUID

from domain.canvas import Assignment
from projections.support.json_documents import add_members, encode


def encode_assignment(
    assignment: Assignment, *, id_: UUID, connection_id: UUID, course_id: UUID, updated_at: str
) -> bytes:
    """Return the JSON of an assignment without `status` and `locked`, which depend on the clock.

    It has the members of `assignment`, our ids, and `updated_at`, which is RFC 3339 text.
    """
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
    """Return the JSON of an assignment with the members `status` and `locked` added."""
    return add_members(
        document, b'"status":"%b","locked":%b' % (status.encode(), b"true" if locked else b"false")
    )
