"""Locks the versions of a read model, and finds out what may be done with each."""

from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor

from infrastructure.event_store.lost_events import RESTORED_AT

REBUILD_LEASE_SECONDS = 12
"""Seconds without a sign of life after which another process may take over a rebuild."""


class Version(NamedTuple):
    """A version of a read model, and the state of its rebuild."""

    number: int
    role: str
    position: int
    fingerprint: str
    builder: UUID | None
    is_alive: bool
    is_lost: bool
    is_reopened: bool
    """Whether it was live before, and catches up for a rollback."""


def lock_versions(cursor: Cursor[Any], name: str) -> list[Version]:
    """Return all versions, oldest first, locked until the transaction ends."""
    # A row that another transaction inserts is only visible to a statement that begins after it.
    cursor.execute(
        "SELECT FROM easeboard.projections WHERE name = %s AND role = 'live' FOR UPDATE", [name]
    )
    cursor.execute(
        f"""
        SELECT version, role, position, fingerprint, builder,
               coalesce(builder_seen_at > clock_timestamp() - make_interval(secs => %s), FALSE),
               greatest(
                   position,
                   (
                       SELECT max(slice.position)
                         FROM easeboard.rebuild_slices AS slice
                        WHERE slice.name = projections.name
                          AND slice.version = projections.version
                   )
               ) > (SELECT coalesce(max(position), 0) FROM easeboard.events)
               OR began_at < coalesce(({RESTORED_AT}), '-infinity'),
               role = 'building' AND retired_at IS NOT NULL
          FROM easeboard.projections
         WHERE name = %s
         ORDER BY version
           FOR UPDATE
        """,  # noqa: S608  # a constant
        [REBUILD_LEASE_SECONDS, name],
    )
    return [Version(*row) for row in cursor]
