"""Finds events that are newer than loaded aggregates, and whether their people are erased."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool

SELECT_NEWER = """
SELECT EXISTS (
           SELECT FROM easeboard.events AS e
            WHERE e.stream = known.stream
              AND e.version > known.version
       ),
       EXISTS (
           SELECT FROM easeboard.people_keys AS key
            WHERE key.person_id = known.person_id
              AND key.destroyed_at IS NOT NULL
       )
  FROM unnest(%s::uuid[], %s::bigint[], %s::uuid[])
       WITH ORDINALITY AS known (stream, version, person_id, nth)
 ORDER BY known.nth
"""

Known = tuple[UUID, int, UUID]
"""A stream, the version up to which it is known, and its person."""


class Newer(NamedTuple):
    """What happened to a stream since the version that is known."""

    has_events: bool
    is_erased: bool
    """Whether the data of the person was erased."""


def find_newer(pool: WritePool, known: Sequence[Known]) -> list[Newer]:
    """Return for each stream whether it has newer events, and whether its person is erased.

    Raises: DatabaseBusy and DatabaseUnavailable.
    """
    columns = [[*column] for column in zip(*known, strict=True)]
    return [Newer(*row) for row in execute(pool, SELECT_NEWER, columns)]
