"""Digests of records of Canvas, which show whether a record has changed."""

import marshal
from hashlib import blake2b
from typing import Any

from domain.canvas import Assignment, AssignmentGroup, Course

VOLATILE_FIELDS = frozenset({"score_statistics"})
"""Keys that a digest leaves out: they change with the grades of other students."""
MARSHAL_VERSION = 2
"""Format 2 of marshal has no references to objects, so equal records have equal bytes."""


def digest(record: Course | Assignment) -> str:
    """Return 16 hex digits that are equal if the records are equal except for VOLATILE_FIELDS.

    The order of the keys matters. Only snapshots store digests, so a change of the algorithm
    requires a new `class_version` of Sync and nothing else.
    """
    return _digest({key: value for key, value in record.items() if key not in VOLATILE_FIELDS})


def groups_digest(groups: list[AssignmentGroup]) -> str:
    """Return 16 hex digits that are equal if the groups, and their order, are equal."""
    return _digest(groups)


def _digest(value: Any) -> str:
    return blake2b(marshal.dumps(value, MARSHAL_VERSION), digest_size=8).hexdigest()
