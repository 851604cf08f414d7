"""The steps of a rebuild. Each is a transaction that only the current builder can commit."""

from typing import Any, NamedTuple
from uuid import UUID

import structlog
from psycopg import Connection, Cursor

from infrastructure.event_store.log_reader import EventPage
from infrastructure.projection_engine.apply_events import (
    apply_to_version,
    can_be_about_an_event,
)
from infrastructure.projection_engine.attachments import attach_to_version
from infrastructure.projection_engine.dead_letters import copy_letters, load_left_out
from infrastructure.projection_engine.event_source import EventSource
from infrastructure.projection_engine.people_slices import SLICES_MARK, adopt_slices
from infrastructure.projection_engine.read_model import (
    ReadModelDefinition,
    fingerprint,
    subscribed_topics,
)
from infrastructure.projection_engine.read_views import create_views
from infrastructure.projection_engine.version_locks import REBUILD_LEASE_SECONDS, lock_versions
from infrastructure.projection_engine.versions import (
    create_version,
    drop_version,
    next_version,
    schema_name,
)

MAX_CUT_OVER_LAG_POSITIONS = 500
"""Positions that a version may be behind at its cut-over, which then applies the rest."""

logger = structlog.get_logger()


class RebuildRefused(Exception):
    """The read model cannot be rebuilt: it does not exist, or a rebuild of it is running."""


class RebuildRunning(RebuildRefused):
    """Another process is rebuilding the read model now."""


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
        versions = lock_versions(cursor, model.name)
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
                raise RebuildRunning(
                    f"{model.name} is being rebuilt already; wait until that has ended. If its"
                    f" process has died, try again after {REBUILD_LEASE_SECONDS} s."
                )
            if version.is_reopened and version.builder != builder:
                retire_again(cursor, model.name, version.number)
                continue
            filled = version.fingerprint.removesuffix(SLICES_MARK)
            if filled == fingerprint(model) and not version.is_lost:
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
            version
            for version in lock_versions(cursor, rebuild.model.name)
            if version.role == "live"
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
        not_kept = attach_to_version(
            cursor,
            schema_name(rebuild.model.name, live.number),
            schema_name(rebuild.model.name, rebuild.version),
        )
        _switch_roles(cursor, rebuild, start)
    if not_kept:
        logger.warning(
            "projection.attachments_not_kept", projection=rebuild.model.name, reasons=not_kept
        )
    return True


def retire_again(cursor: Cursor[Any], name: str, version: int) -> None:
    """End a rollback whose process died; the version is kept for the next one."""
    cursor.execute(
        """
        UPDATE easeboard.projections
           SET role = 'retired', builder = NULL, builder_seen_at = NULL
         WHERE name = %s
           AND version = %s
        """,
        [name, version],
    )


def abandon_rebuild(connection: Connection[Any], builder: UUID, reason: str | None) -> None:
    """Let another builder take the rebuild over at once; a `reason` is why it has failed.

    One that has failed is only continued when an administrator asks for it again.
    """
    connection.execute(
        """
        UPDATE easeboard.projections
           SET builder_seen_at = '-infinity',
               error           = %s
         WHERE builder = %s
        """,
        [reason, builder],
    )


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
    adopt_slices(cursor, name, version, builder)


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
    apply_to_version(cursor, rebuild.model, rebuild.version, batch, left_out, bisect=bisect)


def _switch_roles(cursor: Cursor[Any], rebuild: Rebuild, position: int) -> None:
    cursor.execute(
        """
        UPDATE easeboard.projections
           SET role = 'retired', retired_at = clock_timestamp()
         WHERE name = %s
           AND role = 'live'
     RETURNING paused_at
        """,
        [rebuild.model.name],
    )
    [(paused_at,)] = cursor.fetchall()
    cursor.execute(
        """
        UPDATE easeboard.projections
           SET role            = 'live',
               builder         = NULL,
               builder_seen_at = NULL,
               retired_at      = NULL,
               paused_at       = %s
         WHERE name = %s
           AND version = %s
           AND builder = %s
           AND position = %s
        """,
        [paused_at, rebuild.model.name, rebuild.version, rebuild.builder, position],
    )
    if not cursor.rowcount:
        raise RebuildLost(f"Another process has taken over the rebuild of {rebuild.model.name}.")
