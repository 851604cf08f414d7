"""Ensures that every read model has a live version, whatever the database contains."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import structlog
from psycopg import Connection, Cursor

from infrastructure.projection_engine.read_model import ReadModelDefinition, fingerprint
from infrastructure.projection_engine.read_views import create_views
from infrastructure.projection_engine.versions import (
    connect,
    create_version,
    next_version,
)

logger = structlog.get_logger()


class _LiveVersion(NamedTuple):
    version: int
    code_version: int
    fingerprint: str


def ensure_read_models(url: str, models: Sequence[ReadModelDefinition]) -> list[str]:
    """Create missing live versions and views on a connection of its own; see ensure_versions."""
    with connect(url) as connection:
        return ensure_versions(connection, models)


def ensure_versions(
    connection: Connection[Any], models: Sequence[ReadModelDefinition]
) -> list[str]:
    """Create missing live versions and views; returns the names of outdated read models.

    A read model is outdated if an older program created its live version, or if that may have rows
    of events that the log has lost (see lost_versions.py); it must be rebuilt.
    The version of a newer program is left as it is. A version whose tables are missing, as after a
    restore without read models, is replaced by an empty one, which the projection daemon fills.
    """
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(1161905989, 3)")
        _delete_lost_versions(cursor)
        live_by_name = _live_versions(cursor)
        for model in models:
            if model.name not in live_by_name:
                version = next_version(cursor, model.name)
                create_version(cursor, model, version)
                create_views(cursor, model, version)
            elif live_by_name[model.name].fingerprint == fingerprint(model):
                _create_missing_views(cursor, model, live_by_name[model.name].version)
    return [
        model.name
        for model in models
        if model.name in live_by_name
        and live_by_name[model.name].fingerprint != fingerprint(model)
        and live_by_name[model.name].code_version <= model.version
    ]


def _live_versions(cursor: Cursor[Any]) -> dict[str, _LiveVersion]:
    cursor.execute(
        """
        SELECT name, version, code_version, fingerprint
          FROM easeboard.projections
         WHERE role = 'live'
         ORDER BY name
        """
    )
    return {name: _LiveVersion(*columns) for name, *columns in cursor}


def _delete_lost_versions(cursor: Cursor[Any]) -> None:
    """Delete versions whose PostgreSQL schema is missing, because no rows belong to them."""
    cursor.execute(
        """
        DELETE FROM easeboard.projections
         WHERE to_regnamespace(quote_ident(name || '_v' || version)) IS NULL
     RETURNING name, version
        """
    )
    for name, version in cursor.fetchall():
        logger.warning("projection.tables_missing", projection=name, version=version)


def _create_missing_views(cursor: Cursor[Any], model: ReadModelDefinition, version: int) -> None:
    """Create the views if one is missing. Otherwise keep them: replacing a view blocks readers."""
    cursor.execute(
        "SELECT bool_and(to_regclass('read.' || quote_ident(name)) IS NOT NULL)"
        "  FROM unnest(%s::text[]) AS expected (name)",
        [list(model.tables)],
    )
    [(are_complete,)] = cursor.fetchall()
    if not are_complete:
        create_views(cursor, model, version)
