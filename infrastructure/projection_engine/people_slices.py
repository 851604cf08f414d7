"""The checkpoints of a version that is filled in slices: each slice of people has its own.

While there are some, the fingerprint of the version ends with SLICES_MARK: to a program that knows
no slices it is the version of another program, which it drops instead of continuing it wrongly.
The indexes that only queries need are created when all slices are at one position.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from psycopg import Cursor

from infrastructure.event_store.people_slice import PeopleSlice

SLICES_MARK = "/slices"

Checkpoints = dict[PeopleSlice, int]
"""The position of each slice of a version."""

BEGIN = f"""
WITH secondary AS (
    SELECT array_agg(pg_get_indexdef(indexrelid) ORDER BY indexrelid::regclass::text) AS definitions
      FROM pg_catalog.pg_index
      JOIN pg_catalog.pg_class AS indexed ON indexed.oid = indrelid
     WHERE indexed.relnamespace = to_regnamespace(quote_ident(%(name)s || '_v' || %(version)s))
       AND NOT indisunique
), marked AS (
    UPDATE easeboard.projections
       SET fingerprint      = fingerprint || '{SLICES_MARK}',
           deferred_indexes = coalesce(secondary.definitions, '{{}}')
      FROM secondary
     WHERE name = %(name)s
       AND version = %(version)s
       AND builder = %(builder)s
       AND deferred_indexes IS NULL
 RETURNING position
)
INSERT INTO easeboard.rebuild_slices (name, version, slice, slices, builder, position)
SELECT %(name)s, %(version)s, slice, %(count)s, %(builder)s, position
  FROM marked
 CROSS JOIN generate_series(0, %(count)s - 1) AS numbers (slice)
"""  # noqa: S608  # a constant

DROP_SECONDARY_INDEXES = """
DO $$
DECLARE
    secondary regclass;
BEGIN
    FOR secondary IN
        SELECT indexrelid
          FROM pg_catalog.pg_index
          JOIN pg_catalog.pg_class AS indexed ON indexed.oid = indrelid
         WHERE indexed.relnamespace = to_regnamespace(current_setting('search_path'))
           AND NOT indisunique
    LOOP
        EXECUTE format('DROP INDEX %s', secondary);
    END LOOP;
END
$$
"""

ADVANCE = """
UPDATE easeboard.rebuild_slices
   SET position = %s
 WHERE (name, version, builder) IN (
           SELECT * FROM unnest(%s::text[], %s::integer[], %s::uuid[])
       )
   AND slice = %s
   AND slices = %s
   AND position = %s
"""

SHOW_PROGRESS = """
UPDATE easeboard.projections AS version
   SET builder_seen_at = clock_timestamp(),
       moved_at        = clock_timestamp(),
       position        = coalesce(
           (
               SELECT min(slice.position)
                 FROM easeboard.rebuild_slices AS slice
                WHERE slice.name = version.name
                  AND slice.version = version.version
           ),
           position
       )
 WHERE (name, version) IN (
           SELECT name, version
             FROM easeboard.projections
            WHERE builder = ANY(%s)
              FOR UPDATE SKIP LOCKED
       )
"""

END = f"""
UPDATE easeboard.projections
   SET position         = %(position)s,
       moved_at         = clock_timestamp(),
       builder_seen_at  = clock_timestamp(),
       deferred_indexes = NULL,
       fingerprint      = replace(fingerprint, '{SLICES_MARK}', '')
 WHERE name = %(name)s
   AND version = %(version)s
   AND builder = %(builder)s
"""  # noqa: S608  # a constant


def begin_slices(
    cursor: Cursor[Any], name: str, version: int, builder: UUID, count: int
) -> Checkpoints:
    """Divide a version of this builder, which no one else changes; return its checkpoints.

    The search path must be its schema. They are empty if another builder took the version over.
    """
    values = {"name": name, "version": version, "builder": builder, "count": count}
    cursor.execute(BEGIN, values)
    if cursor.rowcount:
        cursor.execute(DROP_SECONDARY_INDEXES)
    return load_slices(cursor, name, version)


def load_slices(cursor: Cursor[Any], name: str, version: int) -> Checkpoints:
    """Return the checkpoints of a version; empty if it is not filled in slices."""
    cursor.execute(
        "SELECT slice, slices, position FROM easeboard.rebuild_slices"
        " WHERE name = %s AND version = %s ORDER BY slice",
        [name, version],
    )
    return {PeopleSlice(number, count): position for number, count, position in cursor}


def adopt_slices(cursor: Cursor[Any], name: str, version: int, builder: UUID) -> None:
    """Give the slices to a new builder; what the one before has begun is committed or lost then."""
    cursor.execute(
        "UPDATE easeboard.rebuild_slices SET builder = %s WHERE name = %s AND version = %s",
        [builder, name, version],
    )


def advance_slice(
    cursor: Cursor[Any],
    versions: Collection[tuple[str, int, UUID]],
    people: PeopleSlice,
    start: int,
    up_to: int,
) -> bool:
    """Move the checkpoint of one slice in versions, each with its builder, from `start`.

    Returns False if one of them has another builder or is elsewhere; then the transaction must be
    rolled back.
    """
    columns = [list(column) for column in zip(*versions, strict=True)]
    cursor.execute(ADVANCE, [up_to, *columns, people.number, people.total, start])
    return cursor.rowcount == len(versions)


def show_progress(cursor: Cursor[Any], builders: Collection[UUID]) -> None:
    """Write a heartbeat of builders, and as position of a version that of its last slice."""
    cursor.execute(SHOW_PROGRESS, [list(builders)])


def end_slices(cursor: Cursor[Any], name: str, version: int, builder: UUID) -> int | None:
    """Create the deferred indexes and join the slices; return the position at which all are.

    Returns None if another builder took the version over; then the transaction must be rolled back.
    """
    cursor.execute(
        "SELECT coalesce(deferred_indexes, '{}') FROM easeboard.projections"
        " WHERE name = %s AND version = %s",
        [name, version],
    )
    for (definitions,) in cursor.fetchall():
        for definition in definitions:
            cursor.execute(definition.encode())
    cursor.execute(
        "DELETE FROM easeboard.rebuild_slices WHERE name = %s AND version = %s AND builder = %s"
        " RETURNING position",
        [name, version, builder],
    )
    positions = {position for (position,) in cursor.fetchall()}
    if len(positions) != 1:
        return None
    values = {"name": name, "version": version, "builder": builder, "position": positions.pop()}
    cursor.execute(END, values)
    return int(values["position"]) if cursor.rowcount else None
