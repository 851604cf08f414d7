"""The steps of a rebuild, each a transaction that only the builder who holds it can make."""

from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection, Cursor

from infrastructure.projection_engine.event_source import EventBatch, EventSource
from infrastructure.projection_engine.read_model import (
    ReadModelDefinition,
    events_for,
    fingerprint,
    subscribed_topics,
)
from infrastructure.projection_engine.versions import (
    create_version,
    create_views,
    drop_version,
    next_version,
    schema_of,
    set_search_path,
)

REBUILD_LEASE_SECONDS = 15
"""A builder not heard of for as long is no more."""

MAX_CUT_OVER_LAG_POSITIONS = 500
"""How many positions a new version may be behind when it takes over; it reads them right then."""


class RebuildRefused(Exception):
    """There is nothing to rebuild, or somebody is at it."""


class RebuildLost(Exception):
    """Another builder took over, or the rebuild was dropped."""


class Rebuild(NamedTuple):
    """A version being built, and by whom."""

    model: ReadModelDefinition
    version: int
    builder: UUID


def start_rebuild(
    connection: Connection[Any], model: ReadModelDefinition, builder: UUID
) -> tuple[Rebuild, int]:
    """Begin a version, or go on with one whose builder died; returns where in the log.

    Raises RebuildRefused.
    """
    with connection.transaction(), connection.cursor() as cursor:
        versions = _versions(cursor, model.name)
        if not any(version.role == "live" for version in versions):
            raise RebuildRefused(f"There is no read model {model.name}.")
        for version in versions:
            if version.role != "building":
                continue
            if version.is_alive and version.builder != builder:
                raise RebuildRefused(
                    f"{model.name} is being rebuilt already; a rebuild that died is taken over"
                    f" after {REBUILD_LEASE_SECONDS} s."
                )
            if version.fingerprint == fingerprint(model):
                _adopt(cursor, model.name, version.number, builder)
                return Rebuild(model, version.number, builder), version.position
            drop_version(cursor, model.name, version.number)
        number = next_version(cursor, model.name)
        create_version(cursor, model, number, builder=builder)
        return Rebuild(model, number, builder), 0


def apply(connection: Connection[Any], rebuild: Rebuild, start: int, batch: EventBatch) -> None:
    """Take a batch in that was read from `start` on; raises RebuildLost."""
    with connection.transaction(), connection.cursor() as cursor:
        _apply_batch(cursor, rebuild, start, batch)


def cut_over(
    connection: Connection[Any], rebuild: Rebuild, start: int, source: EventSource
) -> bool:
    """Let the new version answer, once it is no further behind than one stretch.

    Gives way to readers: raises LockNotAvailable rather than let them wait for each other.
    """
    with connection.transaction(), connection.cursor() as cursor:
        (live,) = (
            version for version in _versions(cursor, rebuild.model.name) if version.role == "live"
        )
        if live.position - start > MAX_CUT_OVER_LAG_POSITIONS:
            return False
        if live.position > start:
            batch = source.read(
                start, live.position, subscribed_topics([rebuild.model]), MAX_CUT_OVER_LAG_POSITIONS
            )
            _apply_batch(cursor, rebuild, start, batch)
            start = live.position
        cursor.execute("SET LOCAL lock_timeout = '200ms'")
        create_views(cursor, rebuild.model, rebuild.version)
        _switch_roles(cursor, rebuild, start)
    return True


def drop_retired(connection: Connection[Any], name: str) -> None:
    """Drop the retired versions but the newest, to which one could go back."""
    with connection.transaction(), connection.cursor() as cursor:
        retired = [version for version in _versions(cursor, name) if version.role == "retired"]
        for version in retired[:-1]:
            drop_version(cursor, name, version.number)


def abandon_rebuild(connection: Connection[Any], builder: UUID, reason: str) -> None:
    """Let somebody else go on at once."""
    connection.execute(
        """
        UPDATE easeboard.projections
           SET builder_seen_at = '-infinity',
               error           = %s
         WHERE builder = %s
        """,
        [reason, builder],
    )


class _Version(NamedTuple):
    number: int
    role: str
    position: int
    fingerprint: str
    builder: UUID | None
    is_alive: bool


def _versions(cursor: Cursor[Any], name: str) -> list[_Version]:
    """All versions, oldest first, held until the transaction ends."""
    cursor.execute(
        """
        SELECT version, role, position, fingerprint, builder,
               coalesce(builder_seen_at > clock_timestamp() - make_interval(secs => %s), FALSE)
          FROM easeboard.projections
         WHERE name = %s
         ORDER BY version
           FOR UPDATE
        """,
        [REBUILD_LEASE_SECONDS, name],
    )
    return [_Version(*row) for row in cursor]


def _adopt(cursor: Cursor[Any], name: str, version: int, builder: UUID) -> None:
    cursor.execute(
        """
        UPDATE easeboard.projections
           SET builder         = %s,
               builder_seen_at = clock_timestamp(),
               began_at        = clock_timestamp(),
               began_from      = position,
               error           = NULL
         WHERE name = %s
           AND version = %s
        """,
        [builder, name, version],
    )


def _apply_batch(cursor: Cursor[Any], rebuild: Rebuild, start: int, batch: EventBatch) -> None:
    events = events_for(rebuild.model, batch.events)
    cursor.execute(
        """
        UPDATE easeboard.projections
           SET position        = %s,
               moved_at        = clock_timestamp(),
               builder_seen_at = clock_timestamp()
         WHERE name = %s
           AND version = %s
           AND builder = %s
           AND position = %s
        """,
        [batch.up_to, rebuild.model.name, rebuild.version, rebuild.builder, start],
    )
    if not cursor.rowcount:
        raise RebuildLost(f"Another builder goes on with {rebuild.model.name}.")
    if events:
        set_search_path(cursor, schema_of(rebuild.model.name, rebuild.version))
        rebuild.model.project(events, cursor)


def _switch_roles(cursor: Cursor[Any], rebuild: Rebuild, position: int) -> None:
    cursor.execute(
        """
        UPDATE easeboard.projections
           SET role = 'retired'
         WHERE name = %s
           AND role = 'live'
        """,
        [rebuild.model.name],
    )
    cursor.execute(
        """
        UPDATE easeboard.projections
           SET role            = 'live',
               builder         = NULL,
               builder_seen_at = NULL
         WHERE name = %s
           AND version = %s
           AND builder = %s
           AND position = %s
        """,
        [rebuild.model.name, rebuild.version, rebuild.builder, position],
    )
    if not cursor.rowcount:
        raise RebuildLost(f"Another builder goes on with {rebuild.model.name}.")
