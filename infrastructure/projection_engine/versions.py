"""The versions of read models: their tables and their checkpoints."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import Connection, Cursor, sql

from infrastructure.postgres import timeouts
from infrastructure.postgres.conninfo import build_conninfo
from infrastructure.postgres.session_settings import SessionSettings
from infrastructure.projection_engine.read_model import ReadModelDefinition, fingerprint

BATCH_TIMEOUT_SECONDS = 10.0
"""Seconds the database has to respond; then the batch is repeated on another connection."""


class VersionStatus(NamedTuple):
    """A version of a read model, and its checkpoint."""

    model: ReadModelDefinition
    version: int
    position: int
    epoch: int = 0
    """The epoch in which this process owns the read model; 0 if it moves it without a lease."""

    @property
    def schema(self) -> sql.Identifier:
        """The PostgreSQL schema that contains its tables."""
        return schema_of(self.model.name, self.version)


def schema_of(name: str, version: int) -> sql.Identifier:
    """Return the name of the PostgreSQL schema of a version, such as `courses_v3`."""
    return sql.Identifier(schema_name(name, version))


def schema_name(name: str, version: int) -> str:
    """Return the name of the PostgreSQL schema of a version, without quotes."""
    return f"{name}_v{version}"


def connect(url: str, *, idle_seconds: int = 30) -> Connection[Any]:
    """Open a database connection for a projection.

    A transaction in which it sends nothing for `idle_seconds` is rolled back. Its commits do not
    wait for the disk: if a crash of the server loses one, it loses the rows and the checkpoint
    together, and the events are applied again.
    """
    settings = SessionSettings(
        url,
        synchronous_commit="off",
        statement_timeout="60s",
        idle_in_transaction_session_timeout=f"{idle_seconds}s",
    )
    connection = timeouts.TimedConnection.connect(
        build_conninfo(url, name="projector"), autocommit=True
    )
    connection.response_timeout_seconds = BATCH_TIMEOUT_SECONDS
    settings.apply(connection)
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
            name, version, role, code_version, fingerprint, builder, builder_seen_at, began_at,
            tables
        )
        VALUES (
            %(name)s, %(version)s,
            CASE WHEN %(builder)s::uuid IS NULL THEN 'live' ELSE 'building' END,
            %(code)s, %(fingerprint)s, %(builder)s::uuid,
            CASE WHEN %(builder)s::uuid IS NOT NULL THEN clock_timestamp() END,
            greatest(
                clock_timestamp(), (SELECT max(began_at) FROM easeboard.timelines)
            ),
            (
                SELECT array_agg(relname::text ORDER BY relname)
                  FROM pg_catalog.pg_class
                 WHERE relnamespace = to_regnamespace(quote_ident(%(name)s || '_v' || %(version)s))
                   AND relkind = 'r'
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


def drop_version(cursor: Cursor[Any], name: str, version: int) -> str | None:
    """Drop the tables and the checkpoint of a version that is not live.

    If objects of others depend on them, nothing is dropped: the version is retired, and what
    depends on it is recorded and returned.
    """
    try:
        with cursor.connection.transaction():
            _drop_tables(cursor, name, version)
    except (psycopg.errors.DependentObjectsStillExist, psycopg.errors.InsufficientPrivilege) as why:
        dependents = why.diag.message_detail or why.diag.message_primary or "objects of others"
        cursor.execute(
            """
            UPDATE easeboard.projections
               SET role = 'retired', builder = NULL, builder_seen_at = NULL, dependents = %s
             WHERE name = %s
               AND version = %s
            """,
            [dependents, name, version],
        )
        return dependents
    cursor.execute(
        "DELETE FROM easeboard.projections WHERE name = %s AND version = %s", [name, version]
    )
    return None


def _drop_tables(cursor: Cursor[Any], name: str, version: int) -> None:
    """Drop the tables that the program has created, and then their schema, which must be empty."""
    schema = schema_of(name, version)
    cursor.execute(
        """
        SELECT relname
          FROM pg_class
         WHERE relnamespace = to_regnamespace(quote_ident(%(name)s || '_v' || %(version)s))
           AND relkind = 'r'
           AND relname = ANY(
                   SELECT unnest(coalesce(tables, ARRAY[relname::text]))
                     FROM easeboard.projections
                    WHERE name = %(name)s
                      AND version = %(version)s
               )
         ORDER BY relname
        """,
        {"name": name, "version": version},
    )
    tables = [
        sql.SQL("{}.{}").format(schema, sql.Identifier(table)) for (table,) in cursor.fetchall()
    ]
    if tables:
        cursor.execute(sql.SQL("DROP TABLE {} RESTRICT").format(sql.SQL(", ").join(tables)))
    cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {} RESTRICT").format(schema))


def live_versions(
    connection: Connection[Any], models: Sequence[ReadModelDefinition]
) -> list[VersionStatus]:
    """Return the live versions that a daemon moves.

    Their fingerprint is that of a read model of this program, and they are not paused.
    """
    models_by_key = {(model.name, fingerprint(model)): model for model in models}
    cursor = connection.execute(
        """
        SELECT name, fingerprint, version, position
          FROM easeboard.projections
         WHERE role = 'live'
           AND paused_at IS NULL
         ORDER BY name
        """
    )
    return [
        VersionStatus(models_by_key[name, digest], version, position)
        for name, digest, version, position in cursor
        if (name, digest) in models_by_key
    ]
