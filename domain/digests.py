"""Digests of records of Canvas, which show whether a record has changed."""

import marshal
from hashlib import blake2b
from typing import Any, NamedTuple

from domain.canvas import Assignment, AssignmentGroup, Course

VOLATILE_FIELDS = frozenset({"score_statistics"})
"""Keys that a digest leaves out: they change with the grades of other students."""
MARSHAL_VERSION = 2
"""Format 2 of marshal has no references to objects, so equal records have equal bytes."""


class Digests(NamedTuple):
    """The digests of a course, of its groups if there are any, and of assignments."""

    course: str
    groups: str | None
    assignments: dict[str, str]
    """By Canvas id."""


def digests_of(
    course: Course, groups: list[AssignmentGroup] | None, assignments: list[Assignment]
) -> Digests:
    """Return the digests of a course, its groups and these assignments."""
    return Digests(
        digest(course),
        None if groups is None else groups_digest(groups),
        {item["canvas_id"]: digest(item) for item in assignments},
    )


def digest(record: Course | Assignment) -> str:
    """Return 16 hex digits that are equal if the records are equal except for VOLATILE_FIELDS.

    The order of the keys matters. Only snapshots store digests, so a change of the algorithm
    requires a new `class_version` of Sync and nothing else.
    """
    fields: dict[str, Any] = {**record}
    for key in VOLATILE_FIELDS:
        fields.pop(key, None)
    return _digest(fields)


def groups_digest(groups: list[AssignmentGroup]) -> str:
    """Return 16 hex digits that are equal if the groups, and their order, are equal."""
    return _digest(groups)


def _digest(value: Any) -> str:
    return blake2b(marshal.dumps(value, MARSHAL_VERSION), digest_size=8).hexdigest()
