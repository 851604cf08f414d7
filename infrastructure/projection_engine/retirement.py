"""Retires versions after a cut-over: one is kept for a rollback, the others are dropped."""

from typing import Any

import structlog
from psycopg import Connection, Cursor

from infrastructure.projection_engine.dependents import move_dependents
from infrastructure.projection_engine.read_model import ReadModelDefinition
from infrastructure.projection_engine.versions import drop_version

logger = structlog.get_logger()


def retire(connection: Connection[Any], model: ReadModelDefinition) -> None:
    """Move what others built on retired versions, and drop all but the one that was live last.

    That one is kept for a rollback. So are versions that others still use; the reason is recorded.
    """
    name = model.name
    with connection.transaction(), connection.cursor() as cursor:
        left = "; ".join(move_dependents(cursor, model)) or None
        retired = retired_versions(cursor, name)
        for version in retired[1:]:
            drop_version(cursor, name, version)
        cursor.execute(
            """
            UPDATE easeboard.projections
               SET dependents = CASE WHEN version = %s THEN %s ELSE dependents END
             WHERE name = %s
               AND role = 'retired'
         RETURNING version, dependents
            """,
            [retired[0] if retired else 0, left, name],
        )
        kept = [(version, dependents) for version, dependents in cursor if dependents]
    for version, dependents in kept:
        logger.warning(
            "projection.version_kept", projection=name, version=version, dependents=dependents
        )


def retired_versions(cursor: Cursor[Any], name: str) -> list[int]:
    """Return the retired versions that exist; first the one that was live last."""
    cursor.execute(
        """
        SELECT version
          FROM easeboard.projections
         WHERE name = %s
           AND role = 'retired'
         ORDER BY retired_at DESC NULLS LAST, version DESC
           FOR UPDATE
        """,
        [name],
    )
    return [version for (version,) in cursor]
