"""Makes sure that every read model has a live version, whatever was there before."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import structlog
from psycopg import Connection, Cursor

from infrastructure.projection_engine.read_model import ReadModel, fingerprint
from infrastructure.projection_engine.versions import connect, create, next_version, show

logger = structlog.get_logger()


class _Live(NamedTuple):
    version: int
    code_version: int
    fingerprint: str


def ensure_read_models(url: str, models: Sequence[ReadModel]) -> list[str]:
    """Create what is missing, before anybody asks; see ensure."""
    with connect(url) as connection:
        return ensure(connection, models)


def ensure(connection: Connection[Any], models: Sequence[ReadModel]) -> list[str]:
    """Create what is missing; returns the read models that an older program of ours left behind.

    Those must be rebuilt. What a newer program left is none of our business, and what a restore
    left out begins anew: whoever follows the log fills it.
    """
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(1161905989, 3)")
        _forget_lost(cursor)
        live = _live(cursor)
        for model in models:
            if model.name not in live:
                version = next_version(cursor, model.name)
                create(cursor, model, version)
                show(cursor, model, version)
            elif live[model.name].fingerprint == fingerprint(model):
                _make_visible(cursor, model, live[model.name].version)
    return [
        model.name
        for model in models
        if model.name in live
        and live[model.name].fingerprint != fingerprint(model)
        and live[model.name].code_version <= model.version
    ]


def _live(cursor: Cursor[Any]) -> dict[str, _Live]:
    cursor.execute(
        """
        SELECT name, version, code_version, fingerprint
          FROM easeboard.projections
         WHERE role = 'live'
         ORDER BY name
        """
    )
    return {name: _Live(*facts) for name, *facts in cursor}


def _forget_lost(cursor: Cursor[Any]) -> None:
    """Forget versions whose tables are gone: their checkpoints speak of nothing."""
    cursor.execute(
        """
        DELETE FROM easeboard.projections
         WHERE to_regnamespace(quote_ident(name || '_v' || version)) IS NULL
     RETURNING name, version
        """
    )
    for name, version in cursor.fetchall():
        logger.warning("projection.lost", projection=name, version=version)


def _make_visible(cursor: Cursor[Any], model: ReadModel, version: int) -> None:
    """Show a version where views are gone; to make those anew that are there would halt readers."""
    cursor.execute(
        "SELECT bool_and(to_regclass('read.' || quote_ident(name)) IS NOT NULL)"
        "  FROM unnest(%s::text[]) AS shown (name)",
        [list(model.tables)],
    )
    [(is_shown,)] = cursor.fetchall()
    if not is_shown:
        show(cursor, model, version)
