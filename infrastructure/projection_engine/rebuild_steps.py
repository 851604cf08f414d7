"""The steps of a rebuild. Each is a transaction that only the current builder can commit."""

from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection, Cursor

from infrastructure.event_store.log_reader import EventPage
from infrastructure.projection_engine.apply_events import apply_events, can_be_about_an_event
from infrastructure.projection_engine.dead_letters import copy_letters, load_left_out
from infrastructure.projection_engine.event_source import EventSource
from infrastructure.projection_engine.lost_versions import RESTORED_AT
from infrastructure.projection_engine.read_model import (
    ReadModelDefinition,
    fingerprint,
    subscribed_topics,
)
from infrastructure.projection_engine.versions import (
    create_version,
    create_views,
    drop_version,
    next_version,
)

REBUILD_LEASE_SECONDS = 15
"""Seconds without progress after which another process may take over a rebuild."""

MAX_CUT_OVER_LAG_POSITIONS = 500
"""Positions that a version may be behind at its cut-over, which then applies the rest."""


class RebuildRefused(Exception):
    """The read model cannot be rebuilt: it does not exist, or a rebuild of it is running."""


class RebuildLost(Exception):
    """Another builder took the rebuild over, or its version was dropped."""


class Rebuild(NamedTuple):
    """A version that is being built, and the id of its builder."""

    model: ReadModelDefinition
    version: int
    builder: UUID


def start_rebuild(
    connection: Connection[Any], model: ReadModelDefinition, builder: UUID
) -> tuple[Rebuild, int]:
    """Start a new version, or take over one whose builder died; return it and its checkpoint.

    A version that a dead builder left is dropped if it has another fingerprint, or may have rows of
    events that the log has lost. What the live version has parked stays parked, unless another
    program created it; then all events are tried again.

    Raises:
        RebuildRefused: If there is no live version, or another builder is active.
    """
    with connection.transaction(), connection.cursor() as cursor:
        versions = _versions(cursor, model.name)
        live = next((version for version in versions if version.role == "live"), None)
        if live is None:
            raise RebuildRefused(
                f"There is no read model {model.name} yet; a process with the role projector"
                " creates it."
            )
        for version in versions:
            if version.role != "building":
                continue
            if version.is_alive and version.builder != builder:
                raise RebuildRefused(
                    f"{model.name} is being rebuilt already; wait until that has ended. If its"
                    f" process has died, try again after {REBUILD_LEASE_SECONDS} s."
                )
            if version.fingerprint == fingerprint(model) and not version.is_lost:
                _adopt(cursor, model.name, version.number, builder)
                return Rebuild(model, version.number, builder), version.position
            drop_version(cursor, model.name, version.number)
        number = next_version(cursor, model.name)
        create_version(cursor, model, number, builder=builder)
        if live.fingerprint == fingerprint(model):
            copy_letters(cursor, model.name, live.number, number)
        return Rebuild(model, number, builder), 0


def apply_rebuild_batch(
    connection: Connection[Any], rebuild: Rebuild, start: int, batch: EventPage
) -> None:
    """Apply a batch that was read after the position `start`.

    Raises:
        RebuildLost: If another builder took over.
        TooManyDeadLetters: If the events of too many people cannot be applied.
    """
    try:
        with connection.transaction(), connection.cursor() as cursor:
            _apply_batch(cursor, rebuild, start, batch, bisect=False)
    except Exception as error:
        if isinstance(error, RebuildLost) or not can_be_about_an_event(error):
            raise
        with connection.transaction(), connection.cursor() as cursor:
            _apply_batch(cursor, rebuild, start, batch, bisect=True)


def cut_over(
    connection: Connection[Any], rebuild: Rebuild, start: int, source: EventSource
) -> bool:
    """Make the new version live, and return True; return False if it is too far behind.

    Waits 200 ms for the lock on the views, because new readers queue behind this wait.

    Raises:
        LockNotAvailable: If readers hold the views for longer.
        RebuildLost: If another builder took over.
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
            _apply_batch(cursor, rebuild, start, batch, bisect=True)
            start = live.position
        cursor.execute("SET LOCAL lock_timeout = '200ms'")
        create_views(cursor, rebuild.model, rebuild.version)
        _switch_roles(cursor, rebuild, start)
    return True


def drop_retired(connection: Connection[Any], name: str) -> None:
    """Drop the retired versions except the newest, which is kept as a fallback."""
    with connection.transaction(), connection.cursor() as cursor:
        retired = [version for version in _versions(cursor, name) if version.role == "retired"]
        for version in retired[:-1]:
            drop_version(cursor, name, version.number)


def abandon_rebuild(connection: Connection[Any], builder: UUID, reason: str) -> None:
    """Record why the rebuild failed, and let another builder take it over at once."""
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
    is_lost: bool


def _versions(cursor: Cursor[Any], name: str) -> list[_Version]:
    """Return all versions, oldest first, locked until the transaction ends."""
    cursor.execute(
        f"""
        SELECT version, role, position, fingerprint, builder,
               coalesce(builder_seen_at > clock_timestamp() - make_interval(secs => %s), FALSE),
               position > (SELECT coalesce(max(position), 0) FROM easeboard.events)
               OR began_at < coalesce(({RESTORED_AT}), '-infinity')
          FROM easeboard.projections
         WHERE name = %s
         ORDER BY version
           FOR UPDATE
        """,  # noqa: S608  # a constant
        [REBUILD_LEASE_SECONDS, name],
    )
    return [_Version(*row) for row in cursor]


def _adopt(cursor: Cursor[Any], name: str, version: int, builder: UUID) -> None:
    cursor.execute(
        """
        UPDATE easeboard.projections
           SET builder         = %s,
               builder_seen_at = clock_timestamp(),
               began_at        = greatest(clock_timestamp(), began_at),
               began_from      = position,
               error           = NULL
         WHERE name = %s
           AND version = %s
        """,
        [builder, name, version],
    )


def _apply_batch(
    cursor: Cursor[Any], rebuild: Rebuild, start: int, batch: EventPage, *, bisect: bool
) -> None:
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
        raise RebuildLost(f"Another process has taken over the rebuild of {rebuild.model.name}.")
    name = rebuild.model.name
    left_out = load_left_out(cursor, {name: rebuild.version}, batch)[name]
    apply_events(cursor, rebuild.model, rebuild.version, batch, left_out, bisect=bisect)


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
        raise RebuildLost(f"Another process has taken over the rebuild of {rebuild.model.name}.")
