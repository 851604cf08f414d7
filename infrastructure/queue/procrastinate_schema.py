"""Creates and migrates the tables of procrastinate in a PostgreSQL schema of their own."""

from pathlib import Path
from typing import Any, LiteralString

import psycopg
from procrastinate.schema import SchemaManager
from psycopg import sql

QUEUE_SCHEMA = "procrastinate"


def pending_queue_schema(connection: psycopg.Connection[Any]) -> list[str]:
    """Return the names of the scripts of procrastinate to be applied, `procrastinate/…`."""
    return [f"{QUEUE_SCHEMA}/{name}" for name in _pending(connection)]


def apply_queue_schema(connection: psycopg.Connection[Any]) -> list[str]:
    """Apply the pending scripts in one transaction and return their names, `procrastinate/…`.

    The caller holds the migration lock. The newest script is recorded as the schema's comment.
    """
    names = _pending(connection)
    if not names:
        return []
    schema = sql.Identifier(QUEUE_SCHEMA)
    with connection.transaction():
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(schema))
        connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(schema))
        for name in names:
            connection.execute(_statements(name))
        connection.execute("SET LOCAL search_path TO DEFAULT")
        connection.execute(
            sql.SQL("COMMENT ON SCHEMA {} IS {}").format(
                schema, sql.Literal(_migrations()[-1].stem)
            )
        )
    return [f"{QUEUE_SCHEMA}/{name}" for name in names]


def _pending(connection: psycopg.Connection[Any]) -> list[str]:
    newest = _newest_applied(connection)
    if newest is None:
        return ["schema"]
    return [file.stem for file in _migrations() if file.stem > newest]


def _newest_applied(connection: psycopg.Connection[Any]) -> str | None:
    row = connection.execute(
        "SELECT obj_description(to_regnamespace(%s), 'pg_namespace')", [QUEUE_SCHEMA]
    ).fetchone()
    return row[0] if row else None


def _migrations() -> list[Path]:
    return sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))


def _statements(name: str) -> LiteralString:
    if name == "schema":
        return SchemaManager.get_schema()
    file = Path(SchemaManager.get_migrations_path()) / f"{name}.sql"
    return file.read_text("utf-8")
