"""The versions of read models: their tables, their checkpoints, and the views of the live one."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection, Cursor, sql

from infrastructure.postgres import timeouts
from infrastructure.postgres.conninfo import build_conninfo
from infrastructure.projection_engine.read_model import ReadModelDefinition, fingerprint

BATCH_TIMEOUT_SECONDS = 10.0
"""Seconds the database has to respond; then the batch is repeated on another connection."""


class VersionStatus(NamedTuple):
    """A version of a read model, and its checkpoint."""

    model: ReadModelDefinition
    version: int
    position: int

    @property
    def schema(self) -> sql.Identifier:
        """The PostgreSQL schema that contains its tables."""
        return schema_of(self.model.name, self.version)


def schema_of(name: str, version: int) -> sql.Identifier:
    """Return the name of the PostgreSQL schema of a version, such as `courses_v3`."""
    return sql.Identifier(f"{name}_v{version}")


def connect(url: str) -> Connection[Any]:
    """Open a database connection for a projection.

    Its commits do not wait for the disk: if a crash of the server loses one, it loses the rows
    and the checkpoint together, and the events are applied again.
    """
    settings = {
        "timezone": "UTC",
        "synchronous_commit": "off",
        "statement_timeout": "60s",
        "idle_in_transaction_session_timeout": "30s",
    }
    connection = timeouts.TimedConnection.connect(
        build_conninfo(url, name="projector", **settings), autocommit=True
    )
    connection.response_timeout_seconds = BATCH_TIMEOUT_SECONDS
    return connection


def next_version(cursor: Cursor[Any], name: str) -> int:
    """Return a number that no version has, and that no existing PostgreSQL schema uses."""
    cursor.execute(
        """
        SELECT 1 + coalesce(max(taken), 0)
          FROM (
                   SELECT version
                     FROM easeboard.projections
                    WHERE name = %(name)s
                    UNION ALL
                   SELECT substring(nspname FROM '[0-9]+$')::integer
                     FROM pg_namespace
                    WHERE nspname ~ ('^' || %(name)s || '_v[0-9]{1,8}$')
               ) AS numbers (taken)
        """,
        {"name": name},
    )
    [(version,)] = cursor.fetchall()
    return int(version)


def create_version(
    cursor: Cursor[Any], model: ReadModelDefinition, version: int, *, builder: UUID | None = None
) -> None:
    """Create the empty tables of a version; it is live at once, or building with a `builder`.

    Its beginning is not before that of the timeline, even if the clock was set back.
    """
    schema = schema_of(model.name, version)
    cursor.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
    set_search_path(cursor, schema)
    cursor.execute(model.schema_sql)
    cursor.execute(
        """
        INSERT INTO easeboard.projections (
            name, version, role, code_version, fingerprint, builder, builder_seen_at, began_at
        )
        VALUES (
            %(name)s, %(version)s,
            CASE WHEN %(builder)s::uuid IS NULL THEN 'live' ELSE 'building' END,
            %(code)s, %(fingerprint)s, %(builder)s::uuid,
            CASE WHEN %(builder)s::uuid IS NOT NULL THEN clock_timestamp() END,
            greatest(
                clock_timestamp(), (SELECT max(began_at) FROM easeboard.timelines)
            )
        )
        """,
        {
            "name": model.name,
            "version": version,
            "code": model.version,
            "fingerprint": fingerprint(model),
            "builder": builder,
        },
    )


def set_search_path(cursor: Cursor[Any], schema: sql.Identifier) -> None:
    """Make table names refer to those of one version until the transaction ends."""
    cursor.execute(sql.SQL("SET LOCAL search_path = {}").format(schema))


def create_views(cursor: Cursor[Any], model: ReadModelDefinition, version: int) -> None:
    """Point the views of the schema `read` to this version."""
    cursor.execute("CREATE SCHEMA IF NOT EXISTS read")
    for table in model.tables:
        view = sql.Identifier("read", table)
        cursor.execute(sql.SQL("DROP VIEW IF EXISTS {}").format(view))
        cursor.execute(
            sql.SQL("CREATE VIEW {} AS SELECT * FROM {}.{}").format(
                view, schema_of(model.name, version), sql.Identifier(table)
            )
        )


def drop_version(cursor: Cursor[Any], name: str, version: int) -> None:
    """Drop the tables and the checkpoint of a version that is not live."""
    cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(schema_of(name, version)))
    cursor.execute(
        "DELETE FROM easeboard.projections WHERE name = %s AND version = %s", [name, version]
    )


def live_versions(
    connection: Connection[Any], models: Sequence[ReadModelDefinition]
) -> list[VersionStatus]:
    """Return the live versions whose fingerprint is that of a read model of this program."""
    models_by_key = {(model.name, fingerprint(model)): model for model in models}
    cursor = connection.execute(
        """
        SELECT name, fingerprint, version, position
          FROM easeboard.projections
         WHERE role = 'live'
         ORDER BY name
        """
    )
    return [
        VersionStatus(models_by_key[name, digest], version, position)
        for name, digest, version, position in cursor
        if (name, digest) in models_by_key
    ]
