"""The steps of a rebuild, each a transaction that only the builder who holds it can make."""

from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection, Cursor

from infrastructure.projection_engine.event_source import Batch, Log
from infrastructure.projection_engine.read_model import ReadModel, fingerprint, heard_by, topics
from infrastructure.projection_engine.versions import (
    create,
    drop,
    enter,
    next_version,
    schema_of,
    show,
)

ALIVE_SECONDS = 15
"""A builder not heard of for as long is no more."""

LAST_STRETCH = 500
"""How many positions a new version may be behind when it takes over; it reads them right then."""


class RebuildRefused(Exception):
    """There is nothing to rebuild, or somebody is at it."""


class RebuildLost(Exception):
    """Another builder took over, or the rebuild was dropped."""


class Site(NamedTuple):
    """A version being built, and by whom."""

    model: ReadModel
    version: int
    builder: UUID


def break_ground(connection: Connection[Any], model: ReadModel, builder: UUID) -> tuple[Site, int]:
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
                    f" after {ALIVE_SECONDS} s."
                )
            if version.fingerprint == fingerprint(model):
                _take_over(cursor, model.name, version.number, builder)
                return Site(model, version.number, builder), version.position
            drop(cursor, model.name, version.number)
        number = next_version(cursor, model.name)
        create(cursor, model, number, builder=builder)
        return Site(model, number, builder), 0


def extend(connection: Connection[Any], site: Site, start: int, batch: Batch) -> None:
    """Take a batch in that was read from `start` on; raises RebuildLost."""
    with connection.transaction(), connection.cursor() as cursor:
        _build(cursor, site, start, batch)


def take_over(connection: Connection[Any], site: Site, start: int, log: Log) -> bool:
    """Let the new version answer, once it is no further behind than one stretch.

    Gives way to readers: raises LockNotAvailable rather than let them wait for each other.
    """
    with connection.transaction(), connection.cursor() as cursor:
        (live,) = (one for one in _versions(cursor, site.model.name) if one.role == "live")
        if live.position - start > LAST_STRETCH:
            return False
        if live.position > start:
            batch = log.read(start, live.position, topics([site.model]), LAST_STRETCH)
            _build(cursor, site, start, batch)
            start = live.position
        cursor.execute("SET LOCAL lock_timeout = '200ms'")
        show(cursor, site.model, site.version)
        _hand_over(cursor, site, start)
    return True


def clear_away(connection: Connection[Any], name: str) -> None:
    """Drop the retired versions but the newest, to which one could go back."""
    with connection.transaction(), connection.cursor() as cursor:
        retired = [one for one in _versions(cursor, name) if one.role == "retired"]
        for one in retired[:-1]:
            drop(cursor, name, one.number)


def abandon(connection: Connection[Any], builder: UUID, reason: str) -> None:
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
        [ALIVE_SECONDS, name],
    )
    return [_Version(*row) for row in cursor]


def _take_over(cursor: Cursor[Any], name: str, version: int, builder: UUID) -> None:
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


def _build(cursor: Cursor[Any], site: Site, start: int, batch: Batch) -> None:
    events = heard_by(site.model, batch.events)
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
        [batch.upto, site.model.name, site.version, site.builder, start],
    )
    if not cursor.rowcount:
        raise RebuildLost(f"Another builder goes on with {site.model.name}.")
    if events:
        enter(cursor, schema_of(site.model.name, site.version))
        site.model.project(events, cursor)


def _hand_over(cursor: Cursor[Any], site: Site, position: int) -> None:
    cursor.execute(
        """
        UPDATE easeboard.projections
           SET role = 'retired'
         WHERE name = %s
           AND role = 'live'
        """,
        [site.model.name],
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
        [site.model.name, site.version, site.builder, position],
    )
    if not cursor.rowcount:
        raise RebuildLost(f"Another builder goes on with {site.model.name}.")
